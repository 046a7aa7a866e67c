"""What the bodies of answers say: JSON, JSON with a callback, XML or plain text."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any

_CALLBACK = re.compile(r"\s*([$\w.\s]+?)\s*\((.*)\)\s*;?\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Content:
    """A body; ``kind`` is "json", "xml", "text" or "jsonp" with the name of the callback."""

    kind: str
    value: Any


def main_type(content_type: str) -> str:
    """Return a content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def read_content(content_type: str, body: str) -> Content:
    """Return what the body says; one that is not of its type is text."""
    kind = main_type(content_type)
    try:
        if kind == "application/json":
            return Content("json", json.loads(body))
        if kind == "application/javascript":
            return _with_callback(body)
        if kind in ("text/xml", "application/xml"):
            root = ET.fromstring(body.encode())
            return Content("xml", {root.tag: xml_value(root)})
    except (ValueError, ET.ParseError):
        pass
    return Content("text", body.strip())


def xml_value(element: ET.Element) -> Any:
    """Return an element as the JSON value it was made from, all numbers as text.

    A plural that holds nothing but its singulars is a list; attributes are keys with "@".
    """
    children = list(element)
    if not children and not element.attrib:
        return element.text or ""
    tags = {child.tag for child in children}
    if children and not element.attrib and tags == {_singular(element.tag)}:
        return [xml_value(child) for child in children]
    fields: dict[str, Any] = {f"@{name}": value for name, value in element.attrib.items()}
    for tag in tags:
        values = [xml_value(child) for child in children if child.tag == tag]
        fields[tag] = values[0] if len(values) == 1 else values
    return fields


def _with_callback(body: str) -> Content:
    match = _CALLBACK.fullmatch(body)
    if match is None:
        return Content("text", body.strip())
    return Content(f"jsonp {match[1]}", json.loads(match[2]))


def _singular(tag: str) -> str | None:
    if tag.endswith("ies"):
        return f"{tag[:-3]}y"
    return tag[:-1] if tag.endswith("s") else None
