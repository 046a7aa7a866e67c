"""Recorded sequences of submissions, imports and lookups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.recorded.case import read_records


@dataclass(frozen=True, slots=True)
class Step:
    """What is done next, and with which parameters.

    ``action`` is submit, import, lookup or links (a call of list_by_mbid). ``labels`` name the
    submissions of the answer in their order, or the one answer of a lookup.
    """

    action: str
    parameters: Mapping[str, Any]
    labels: tuple[str, ...]

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Step:
        """Return the step that is recorded."""
        action = next(name for name in ("submit", "import", "lookup", "links") if name in record)
        parameters = record[action] if action != "import" else {}
        labels = record.get("as", [])
        return cls(action, parameters, (labels,) if isinstance(labels, str) else tuple(labels))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a scenario.

    ``submits`` has the answer to each submit step in short; ``tracks`` the labels that came to one
    track, and ``existing`` those that came to a track of the catalogue, with its id. In ``answers``
    a new track is called after the first label that came to it.
    """

    submits: list[dict[str, Any]]
    imported: dict[str, bool]
    tracks: list[list[str]]
    existing: dict[str, str]
    answers: dict[str, Any]

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Outcome:
        """Return the outcome that is recorded."""
        return cls(
            submits=record["submits"],
            imported={label: state == "imported" for label, state in record["status"].items()},
            tracks=record["tracks"],
            existing=record["existing"],
            answers=record["lookups"] | record["links"],
        )


@dataclass(frozen=True, slots=True)
class Scenario:
    """Steps and their outcome."""

    name: str
    steps: tuple[Step, ...]
    outcome: Outcome
    deviation: str | None


@cache
def load_scenarios() -> tuple[Scenario, ...]:
    """Return all scenarios in the order in which they were recorded.

    They do not disturb one another, but that new text is numbered in that order.
    """
    return tuple(map(_from_record, read_records("scenarios.jsonl.gz")))


def _from_record(record: dict[str, Any]) -> Scenario:
    return Scenario(
        name=record["name"],
        steps=tuple(map(Step.from_record, record["steps"])),
        outcome=Outcome.from_record(record["expect"]),
        deviation=record.get("deviation"),
    )
