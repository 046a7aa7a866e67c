"""What Schemathesis is told of the service: keys and fingerprints that are good, and formats.

Random keys and fingerprints are refused at the door; with these, most requests get in.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
import zlib
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, DeserializationContext, HookContext, Response

from fpservice.services.demo import APPLICATION_KEY, USER_KEY, example

SECRET = "the-cluster-secret"
GOOD: dict[str, tuple[Any, ...]] = {
    "client": (APPLICATION_KEY,),
    "user": (USER_KEY,),
    "secret": (SECRET,),
    "fingerprint": (example().fingerprint,),
    "duration": (example().duration, example().duration + 5),
    "length": (example().duration,),
    "meta": (
        "recordings usermeta",
        "recordings releasegroups releases tracks usermeta compress sources",
        "recordings,releases,tracks,usermeta",
        "releasegroupids+isrcs",
        "m2",
        "1",
    ),
}
# A key that is switched off would keep everything after it out.
ALWAYS = {"active": 1}
_JSONP = re.compile(r"[$A-Za-z_][0-9A-Za-z_.$]*\((\{.*\})\)", re.S)


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """Leave out how long a fingerprint may be.

    Schemathesis makes a regular expression of that, whose million states take most of its time.
    """
    del raw_schema["components"]["schemas"]["Fingerprint"]["maxLength"]


@schemathesis.hook
def map_query(context: HookContext, query: Any) -> Any:
    """Put good values into most queries."""
    return with_good_values(query)


@schemathesis.hook
def map_body(context: HookContext, body: Any) -> Any:
    """Put good values into most bodies."""
    return with_good_values(body)


def with_good_values(values: Any) -> Any:
    """Replace three in four of the values that could be good; always the same ones."""
    if isinstance(values, list):
        return [with_good_values(value) for value in values]
    if not isinstance(values, dict):
        return values
    return {name: _good(name, value) for name, value in values.items()}


def _good(name: str, value: Any) -> Any:
    if name in ALWAYS:
        return ALWAYS[name]
    known = GOOD.get(name.partition(".")[0])
    if known is None:
        return with_good_values(value) if isinstance(value, list | dict) else value
    number = zlib.crc32(repr((name, value)).encode("utf-8", "surrogatepass"))
    return value if number % 4 == 0 else known[number // 4 % len(known)]


@schemathesis.deserializer("application/javascript")
def read_jsonp(context: DeserializationContext, response: Response) -> str:
    """Return the text of a JSONP answer, as the document describes it."""
    return response.text


@schemathesis.check
def well_formed(context: CheckContext, response: Response, case: Case) -> None:
    """An answer in JSONP or XML can be read."""
    kind = response.headers.get("content-type", [""])[0].partition(";")[0]
    if kind == "application/javascript":
        assert _JSONP.fullmatch(response.text), "not a call of a callback"
    elif kind == "text/xml":
        assert ET.fromstring(response.content).tag == "response"
