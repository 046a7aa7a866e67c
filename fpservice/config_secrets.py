"""The secrets of a configuration, so that a text can be kept free of them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from fpservice.config import Config
from fpservice.config_options import OPTIONS

HIDDEN = "***"
# What is shorter may stand in any text by accident, and hides nothing.
_SHORTEST = 3


def without_secrets(text: str, config: Config) -> str:
    """Return the text with all configured secrets hidden."""
    for secret in sorted(_secrets(config), key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, HIDDEN)
    return text


def _secrets(config: Config) -> Iterator[str]:
    for section, options in OPTIONS.items():
        values = getattr(config, section.replace(".", "_"))
        for option in options:
            if option.secret:
                given = getattr(values, option.field) or ()
                for value in (given,) if isinstance(given, str) else given:
                    yield from _parts(value)


def _parts(value: str) -> Iterator[str]:
    """Yield what is secret of a value: of a URL, its password, else all of it."""
    if "://" not in value:
        yield value
        return
    try:
        parts = urlsplit(value)
    except ValueError:
        yield value
        return
    if parts.password:
        yield parts.password
        yield unquote(parts.password)
    elif parts.username and not parts.hostname:
        yield value
    elif parts.username:
        # A token of NATS, or the key of a DSN, stands where others have their user.
        yield f"{parts.username}@"
