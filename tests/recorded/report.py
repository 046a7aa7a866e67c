"""Tables of what a replay found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tests.recorded.better_outcomes import outcome_problems
from tests.recorded.contradicted import CONTRADICTED
from tests.recorded.player import Played
from tests.recorded.verdict import Verdict

COLUMNS = ("pass", "fail", "contradicted", "deviation same", "deviation better")


def case_table(verdicts: Iterable[Verdict]) -> str:
    """Return how many cases of each group passed."""
    counts: dict[str, Counter[str]] = {}
    for verdict in verdicts:
        counts.setdefault(verdict.case.group, Counter())[_case_column(verdict)] += 1
    total: Counter[str] = sum(counts.values(), Counter())
    rows = [_row(group, counts[group]) for group in sorted(counts)]
    return "\n".join([_row("group", None), *rows, _row("total", total)])


def failed_cases(verdicts: Iterable[Verdict]) -> str:
    """Return the failures, with the first problems of each."""
    return "\n".join(f"FAIL {verdict}" for verdict in verdicts if verdict.problems)


def contradicted_cases(verdicts: Iterable[Verdict]) -> str:
    """Return which cases are answered otherwise on purpose, and why."""
    names = [one.case.name for one in verdicts if _case_column(one) == "contradicted"]
    return "\n".join(f"contradicted: {name}\n    {CONTRADICTED[name]}" for name in names)


def scenario_table(played: Iterable[Played]) -> str:
    """Return how many scenarios passed."""
    counts = Counter(
        _column(outcome_problems(one), one.differences, one.scenario.deviation) for one in played
    )
    return "\n".join([_row("", None), _row("scenarios", counts)])


def failed_scenarios(played: Iterable[Played]) -> str:
    """Return the scenarios that failed, with the first problems of each."""
    return "\n".join(
        "\n    ".join([f"FAIL {one.scenario.name}", *found[:6]])
        for one in played
        if (found := outcome_problems(one))
    )


def _case_column(verdict: Verdict) -> str:
    if verdict.case.name in CONTRADICTED and not verdict.problems:
        return "contradicted"
    return _column(verdict.problems, verdict.differences, verdict.case.deviation)


def _column(problems: Sequence[str], differences: Sequence[str], deviation: str | None) -> str:
    if problems:
        return "fail"
    if deviation is None:
        return "pass"
    return "deviation better" if differences else "deviation same"


def _row(label: str, counts: Counter[str] | None) -> str:
    cells = [name if counts is None else str(counts[name]) for name in COLUMNS]
    return f"{label:<22}" + "".join(f"{cell:>17}" for cell in cells)
