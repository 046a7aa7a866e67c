"""What is wrong with the answer to a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.recorded.case import Case, Expected
from tests.recorded.comparison import Place, differences
from tests.recorded.content import Content, main_type, read_content
from tests.recorded.request import Answer, Server, UnreadableAnswerError


@dataclass(frozen=True, slots=True)
class Verdict:
    """A case and the differences between its recorded answer and that of a server."""

    case: Case
    status: int
    differences: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Whether the answer is wrong: others than the recorded one may be right."""
        return bool(self.differences) and self.case.deviation is None

    def __str__(self) -> str:
        return "\n    ".join([f"{self.case.group} {self.case.name}", *self.differences[:6]])


def replay(case: Case, server: Server) -> Verdict:
    """Send the case and judge the answer; no answer at all has the status 0."""
    try:
        answer = server.ask(case)
    except UnreadableAnswerError as error:
        return Verdict(case, 0, (f"no answer: {error}",))
    return Verdict(case, answer.status, tuple(compare(case.expected, answer)))


def compare(expected: Expected, answer: Answer) -> list[str]:
    """Return what differs in status, content type, headers and body."""
    found = []
    types = main_type(expected.content_type), main_type(answer.content_type)
    if answer.status != expected.status:
        found.append(f"status: expected {expected.status}, got {answer.status}")
    if types[0] != types[1]:
        found.append(f"content type: expected {types[0]}, got {types[1]}")
    for name, value in expected.headers:
        if answer.headers.get(name.lower()) != value:
            found.append(f"header {name}: expected {value}, got {answer.headers.get(name.lower())}")
    return found + _bodies(expected, answer) + _bytes(expected, answer)


def recorded_content(expected: Expected) -> Content | None:
    """Return what the recorded body says, None where there is none."""
    if expected.text is not None:
        return read_content(expected.content_type, expected.text)
    return None if expected.body is None else Content("json", expected.body)


def needs_musicbrainz(case: Case) -> bool:
    """Say whether the recorded answer holds what only MusicBrainz knows.

    That is a release or release group with an id, or a recording with an id and anything but the
    number of its sources.
    """
    content = recorded_content(case.expected)
    return content is not None and holds_musicbrainz_metadata(content.value)


def holds_musicbrainz_metadata(value: Any) -> bool:
    """Apply the rule of :func:`needs_musicbrainz` to an answer, or to a part of one."""
    if isinstance(value, list):
        return any(map(holds_musicbrainz_metadata, value))
    if not isinstance(value, dict):
        return False
    releases = [*_listed(value, "releases"), *_listed(value, "releasegroups")]
    named = any("id" in one for one in releases)
    recordings = [one for one in _listed(value, "recordings") if "id" in one]
    described = any(one.keys() - {"id", "sources"} for one in recordings)
    return named or described or any(map(holds_musicbrainz_metadata, value.values()))


def _listed(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    listed = value.get(key)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _bodies(expected: Expected, answer: Answer) -> list[str]:
    recorded = recorded_content(expected)
    if recorded is None:
        return []
    content = read_content(answer.content_type, answer.text)
    if content.kind != recorded.kind:
        return [f"body: expected {recorded.kind}, got {content.kind}: {answer.text[:120]!r}"]
    return differences(recorded.value, content.value, Place(xml=content.kind == "xml"))


def _bytes(expected: Expected, answer: Answer) -> list[str]:
    found = [f"body does not hold {part!r}" for part in expected.parts if part not in answer.text]
    if not answer.text.startswith(expected.start):
        found.append(f"body does not begin with {expected.start!r}")
    return found
