"""The document behind /openapi.yaml, for tests that compare the service with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

PATH = Path(__file__).parents[1] / "fpservice" / "data" / "openapi.yaml"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
METHODS = ("get", "post")


@cache
def document() -> dict[str, Any]:
    """Return the whole document."""
    loaded: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return loaded


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference points to; anything else as it is."""
    while "$ref" in node:
        *parts, name = node["$ref"].removeprefix("#/").split("/")
        place = document()
        for part in parts:
            place = place[part]
        node = place[name]
    return node


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and description of all that the service does."""
    for path, item in document()["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def parameters(path: str) -> dict[str, dict[str, Any]]:
    """Return the parameters of a path's GET by name."""
    described = (resolved(one) for one in document()["paths"][path]["get"].get("parameters", ()))
    return {one["name"]: one for one in described if one["in"] == "query"}


@dataclass(frozen=True, slots=True)
class Example:
    """A request as the document shows it; ``kind`` is the type of its body, or None for GET."""

    path: str
    kind: str | None
    values: dict[str, Any]


def examples() -> Iterator[Example]:
    """Yield all requests of the document, in its order."""
    for path, method, operation in operations():
        if method == "get":
            shown = {name: one["example"] for name, one in parameters(path).items()
                     if "example" in one}  # fmt: skip
            if shown:
                yield Example(path, None, shown)
            continue
        for kind, body in operation["requestBody"]["content"].items():
            values = [one["value"] for one in body.get("examples", {}).values()]
            for value in [body["example"]] if "example" in body else values:
                yield Example(path, kind, value)


def check_answer(path: str, method: str, status: int, kind: str, body: Any) -> None:
    """Compare an answer with the document; ``kind`` is its media type, ``body`` parsed JSON.

    Raises:
        AssertionError: the document has no such answer.
    """
    described = document()["paths"][path][method]["responses"]
    assert str(status) in described, f"{method} {path} answered {status}"
    content = resolved(described[str(status)])["content"]
    assert kind in content, f"{method} {path} answered {status} as {kind}"
    if kind == JSON:
        check_schema(content[kind]["schema"], body)


def check_schema(schema: dict[str, Any], value: Any) -> None:
    """Compare a value with a schema of the document.

    Raises:
        AssertionError: it does not fit.
    """
    whole = {**schema, "components": document()["components"]}
    problem = best_match(Draft202012Validator(whole).iter_errors(value))
    assert problem is None, f"{list(problem.absolute_path)}: {problem.message[:500]}"
