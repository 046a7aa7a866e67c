"""What is wrong with the answer to a case."""

from __future__ import annotations

from dataclasses import dataclass

from tests.recorded.better import shortcomings
from tests.recorded.case import Case, Expected
from tests.recorded.comparison import Place, differences
from tests.recorded.content import Content, main_type, read_content
from tests.recorded.contradicted import CONTRADICTED
from tests.recorded.reply import Reply
from tests.recorded.request import Answer, Server, UnreadableAnswerError


@dataclass(frozen=True, slots=True)
class Verdict:
    """A case and what was found in the answer of a server.

    ``differences`` are those from the recorded answer; ``shortcomings`` is in what the answer falls
    short of what is better, where that need not be copied.
    """

    case: Case
    differences: tuple[str, ...]
    shortcomings: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong; nothing if the answer is as recorded, or better where that is known."""
        if self.case.deviation is not None:
            return self.shortcomings
        if self.case.name not in CONTRADICTED:
            return self.differences
        unexpected = () if self.differences else ("as recorded, though it stands in CONTRADICTED",)
        return (*self.shortcomings, *unexpected)

    def __str__(self) -> str:
        return "\n    ".join([f"{self.case.group} {self.case.name}", *self.problems[:6]])


def replay(case: Case, server: Server) -> Verdict:
    """Send the case and judge the answer."""
    try:
        answer = server.ask(case)
    except UnreadableAnswerError as error:
        problem = (f"no answer: {error}",)
        return Verdict(case, problem, problem)
    found = tuple(compare(case.expected, answer))
    if is_copied(case):
        return Verdict(case, found)
    return Verdict(case, found, tuple(shortcomings(Reply(case, answer, found))))


def is_copied(case: Case) -> bool:
    """Return whether the recorded answer is the right one."""
    return case.deviation is None and case.name not in CONTRADICTED


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
