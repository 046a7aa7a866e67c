"""Tables of what a replay found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tests.recorded.player import needing_musicbrainz
from tests.recorded.scenario import Scenario
from tests.recorded.verdict import Verdict, needs_musicbrainz

COLUMNS = ("pass", "fail", "deviation same", "deviation other")

Played = tuple[Scenario, list[str]]


def case_table(verdicts: Iterable[Verdict]) -> str:
    """Return how many cases of each group passed."""
    counts: dict[str, Counter[str]] = {}
    for verdict in verdicts:
        column = _column(verdict.differences, verdict.case.deviation)
        counts.setdefault(verdict.case.group, Counter())[column] += 1
    total: Counter[str] = sum(counts.values(), Counter())
    rows = [_row(group, counts[group]) for group in sorted(counts)]
    return "\n".join([_row("group", None), *rows, _row("total", total)])


def failed_cases(verdicts: Iterable[Verdict]) -> str:
    """Return the failures, with the first differences of each."""
    return "\n".join(
        f"FAIL {verdict}{_mark(needs_musicbrainz(verdict.case))}"
        for verdict in verdicts
        if verdict.failed
    )


def scenario_table(played: Iterable[Played]) -> str:
    """Return how many scenarios passed."""
    counts = Counter(_column(found, scenario.deviation) for scenario, found in played)
    return "\n".join([_row("", None), _row("scenarios", counts)])


def failed_scenarios(played: Iterable[Played]) -> str:
    """Return the scenarios that failed, with the first differences of each."""
    return "\n".join(
        "\n    ".join([f"FAIL {scenario.name}", *found[:6]])
        + _mark(bool(needing_musicbrainz(scenario)))
        for scenario, found in played
        if found and scenario.deviation is None
    )


def _column(differences: Sequence[str], deviation: str | None) -> str:
    passed, failed = COLUMNS[:2] if deviation is None else COLUMNS[2:]
    return failed if differences else passed


def _row(label: str, counts: Counter[str] | None) -> str:
    cells = [name if counts is None else str(counts[name]) for name in COLUMNS]
    return f"{label:<22}" + "".join(f"{cell:>17}" for cell in cells)


def _mark(needed: bool) -> str:
    return "\n    (holds what only MusicBrainz knows)" if needed else ""
