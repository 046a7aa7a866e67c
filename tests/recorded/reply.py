"""An answer to a case, with what checks look at in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.recorded.case import Case, Pairs
from tests.recorded.content import Content, read_content
from tests.recorded.request import Answer


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``differences`` are those from the recorded one.

    What is asked for and is not there is empty, so that a check fails instead of breaking.
    """

    case: Case
    answer: Answer
    differences: tuple[str, ...] = ()

    @property
    def content(self) -> Content:
        """What the body says."""
        return read_content(self.answer.content_type, self.answer.text)

    @property
    def value(self) -> dict[str, Any]:
        """The object that was answered; in XML it is the content of the root."""
        value = self.content.value
        if isinstance(value, dict) and self.content.kind == "xml":
            value = value.get("response")
        return value if isinstance(value, dict) else {}

    @property
    def error(self) -> dict[str, Any]:
        """Code and message of an error."""
        error = self.value.get("error")
        return error if isinstance(error, dict) else {}

    @property
    def succeeded(self) -> bool:
        """Whether it is an answer and no error."""
        return self.answer.status == 200 and self.value.get("status") == "ok"

    @property
    def results(self) -> list[dict[str, Any]]:
        """The results of a lookup, of all its fingerprints."""
        return [*self.objects("results"), *self.objects("fingerprints", "results")]

    @property
    def recordings(self) -> list[dict[str, Any]]:
        """The recordings of all results."""
        return [one for result in self.results for one in objects(result, "recordings")]

    def objects(self, *path: str) -> list[dict[str, Any]]:
        """Return the objects of the lists that lie on the path."""
        return list(objects(self.value, *path))

    @property
    def parameters(self) -> Pairs:
        """The parameters of the request."""
        return (*self.case.query, *(self.case.form or ()))

    def sent(self, name: str) -> str:
        """Return a parameter of the request, "" if there is none."""
        return dict(self.parameters).get(name, "")


def objects(value: dict[str, Any], *path: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of the lists that lie on the path from an object."""
    if not path:
        yield value
        return
    listed = value.get(path[0])
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict):
            yield from objects(one, *path[1:])
