"""How an answer is written: JSON, JSONP or XML."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any, Final

JSON: Final = "json"
JSONP: Final = "jsonp"
XML: Final = "xml"
FORMATS: Final = frozenset({JSON, JSONP, XML})
DEFAULT_CALLBACK: Final = "jsonAcoustidApi"
# Making one takes as long as writing most answers.
_ENCODER: Final = json.JSONEncoder(sort_keys=True)
_CALLBACK: Final = re.compile(r"[$A-Za-z_][0-9A-Za-z_]*(?:\.[$A-Za-z_][0-9A-Za-z_]*)*")
# Everything but what XML 1.0 allows; such a character would make the whole answer unreadable.
_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def callback_name(asked: str | None) -> str:
    """Return the name of the JSONP callback: the one asked for if it is a dotted identifier."""
    return asked if asked and _CALLBACK.fullmatch(asked) else DEFAULT_CALLBACK


def write_json(data: dict[str, Any]) -> bytes:
    """Return JSON with sorted keys and a blank after each comma and colon.

    Some clients search these bytes without parsing them.
    """
    return _ENCODER.encode(data).encode("ascii")


def write_jsonp(data: dict[str, Any], callback: str) -> bytes:
    """Return a call of the callback with the data."""
    return callback.encode("ascii") + b"(" + write_json(data) + b")"


def write_xml(data: dict[str, Any]) -> bytes:
    """Return XML: an element a key, a list as a plural element of singular ones."""
    root = ET.Element("response")
    _fill(root, data)
    body: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return body


def _fill(element: ET.Element, value: Any) -> None:
    if isinstance(value, dict):
        for key in sorted(value):
            if key.startswith("@"):
                element.set(key[1:], _text(value[key]))
            else:
                _fill(ET.SubElement(element, key), value[key])
    elif isinstance(value, list):
        name = _singular(element.tag)
        for item in value:
            _fill(ET.SubElement(element, name), item)
    elif value is not None:
        element.text = _text(value)


def _singular(plural: str) -> str:
    return plural[:-3] + "y" if plural.endswith("ies") else plural.removesuffix("s")


def _text(value: Any) -> str:
    return _FORBIDDEN.sub("", str(value))
