"""Takes what is personal or secret out of reports of errors."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

FILTERED = "[Filtered]"

_NAMES = """
    access_token api_key apikey authorization client cookie cookies dsn fingerprint forwarded hashes
    ip_address password proxy_authorization remote_addr secret set_cookie token user
    x_forwarded_for x_real_ip
"""
_PERSONAL = frozenset(_NAMES.split())
# Values of these are no texts of ours; versions of modules can look like IP addresses.
_LEFT_ALONE = frozenset({"event_id", "modules", "platform", "release", "sdk", "timestamp"})
_DEEPEST = 20

_PARAMETER = re.compile(
    r"(?i)(?<![A-Za-z0-9])(" + "|".join(sorted(_PERSONAL)).replace("_", "[_-]") + r")"
    r"(\.\d{1,9})?(['\"]?\s{0,3}(?:[:=]|%3D)\s{0,3}['\"]?)[^&\s'\"]*"
)
_STATEMENT_PARAMETERS = re.compile(r"\[parameters: .*", re.DOTALL)
_LOGIN = re.compile(r"://[^/\s@]*@")
# Fingerprints are long runs of the URL-safe base64 alphabet.
_LONG_TOKEN = re.compile(r"[A-Za-z0-9_-]{40,}")
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)")
_PERHAPS_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:.]{2,45}(?![\w:])")


def scrub_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a Sentry event without keys, users, fingerprints, secrets and addresses."""
    return {
        name: value if name in _LEFT_ALONE else _field(name, value, 0)
        for name, value in event.items()
        if name != "user"
    }


def scrub_text(text: str) -> str:
    """Return the text with parameters, logins, long tokens and IP addresses filtered."""
    text = _STATEMENT_PARAMETERS.sub(FILTERED, text)
    text = _PARAMETER.sub(rf"\1\2\3{FILTERED}", text)
    text = _LOGIN.sub(f"://{FILTERED}@", text)
    text = _LONG_TOKEN.sub(_without_token, text)
    return _PERHAPS_IPV6.sub(_without_ipv6, _IPV4.sub(FILTERED, text))


def scrub_query(query: str) -> str:
    """Return a query string in which values of personal parameters are filtered."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(name, _field(name, value, 0)) for name, value in pairs], safe="[]")


def _field(name: object, value: Any, depth: int) -> Any:
    if isinstance(name, str) and _is_personal(name):
        return FILTERED
    if name == "query_string" and isinstance(value, str):
        return scrub_query(value)
    if name == "stacktrace" and isinstance(value, Mapping):
        return _stacktrace(value)
    if name == "data" and isinstance(value, str):
        # The body of a request as it came, in no form that could be looked through.
        return FILTERED
    return _value(value, depth)


def _is_personal(name: str) -> bool:
    """Whether a name is personal, with a numeric suffix (``fingerprint.0``) or without."""
    plain = re.sub(r"\.\d+$", "", name).casefold().replace("-", "_")
    return plain.removeprefix("http_") in _PERSONAL


def _value(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return FILTERED
    if isinstance(value, str):
        return scrub_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return FILTERED
    if isinstance(value, Mapping):
        return {name: _field(name, item, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_item(item, depth + 1) for item in value]
    return value


def _item(item: Any, depth: int) -> Any:
    """Scrub an item of a list, which may be a pair of a name and its value."""
    if isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str):
        return [item[0], _field(item[0], item[1], depth)]
    return _value(item, depth)


def _stacktrace(value: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what is source code, which holds nothing of anybody, and drop values of variables."""
    frames = value.get("frames") or []
    return {"frames": [{k: v for k, v in frame.items() if k != "vars"} for frame in frames]}


def _without_token(found: re.Match[str]) -> str:
    """Filter a token, and not the name of a function, which is long, too."""
    token = found.group()
    return token if token.islower() or token.isupper() else FILTERED


def _without_ipv6(found: re.Match[str]) -> str:
    try:
        ipaddress.IPv6Address(found.group().rstrip("."))
    except ValueError:
        return found.group()
    return FILTERED
