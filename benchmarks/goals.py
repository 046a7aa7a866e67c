"""What is to be reached, and whether it was.

Some goals are multiples of what the field's own server did, measured elsewhere: with 100,000
fingerprints, two processes and all its parts on two cores, at 16 connections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.table import Table

from benchmarks.lookups import BATCH, BATCHES, NAMED, NOISED, PLAIN
from benchmarks.plan import LARGE, SMALL
from benchmarks.shapes import EMBEDDED, PRODUCTION, SHAPES
from benchmarks.tables import console

# A second: lookups without names, lookups with the names of recordings, submissions, imports.
REFERENCE_LOOKUPS: Final = 138
REFERENCE_NAMED: Final = 108
REFERENCE_SUBMISSIONS: Final = 197
REFERENCE_IMPORTS: Final = 28
_FULL: Final = "16 connections"
_HALF: Final = "16, half load"
Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Goal:
    """A line of the table; ``floor`` is what the empty view did, where there is one.

    ``reached`` is None where it was not measured.
    """

    name: str
    goal: str
    figure: str = "not measured"
    floor: str = ""
    reached: bool | None = None


def goals(figures: Figures) -> list[Goal]:
    """Return all goals, with the figures that there are."""
    found = [*_lookups(figures), *_growth(figures), *_writes(figures)]
    return [*found, *_memory(figures), *_bulk(figures), *_starting(figures), *_merging(figures)]


def show(found: Sequence[Goal]) -> None:
    """Print the goals, and whether they were reached."""
    table = Table(title="goals")
    table.add_column("what")
    for head in ("goal", "figure", "floor", "reached"):
        table.add_column(head, justify="right")
    for one in found:
        reached = {True: "yes", False: "no", None: ""}[one.reached]
        table.add_row(one.name, one.goal, one.figure, one.floor, reached)
    console.print(table)


def _lookups(figures: Figures) -> Iterator[Goal]:
    for shape, kind, share, factor, reference in (
        (EMBEDDED, PLAIN, 0.50, 12, REFERENCE_LOOKUPS),
        (PRODUCTION, NAMED, 0.25, 7, REFERENCE_NAMED),
    ):
        load = _at(figures, "lookups", shape, str(SMALL), "load") or {}
        one = load.get(f"{kind}{_FULL}")
        name = f"lookups/s, {kind or 'no names, '}{shape}, {SMALL:,}"
        yield _at_least(
            f"{name}: share of the floor", share, one, lambda it: _rate(it) / _floor(it), _percent
        )
        yield _at_least(f"{name}: {factor} × {reference}", factor * reference, one, _rate, _whole)
        half = load.get(f"{kind}{_HALF}")
        name = f"p99 at half load, {kind or 'no names, '}{shape}, ms"
        yield _at_most(name, 10, half, lambda it: it["service"]["p99"], _tenth, "p99")
    for shape in SHAPES:
        load = _at(figures, "lookups", shape, str(SMALL), "load") or {}
        pair = {"one": load.get("4 connections"), "batch": load.get(BATCHES)}
        yield _at_most(
            f"a batch of {BATCH} to one lookup, CPU, {shape}",
            5,
            pair if all(pair.values()) else None,
            lambda it: it["batch"]["service"]["cpu"] / it["one"]["service"]["cpu"],
            _hundredth,
        )
        sizes = _at(figures, "lookups", shape) or {}
        for size, one in sizes.items():
            found = one["recall"][NOISED]
            yield _at_least(
                f"recall@1, noised, {shape}, {int(size):,}",
                1.0,
                found,
                lambda it: it["right"] / it["known"],
                _thousandth,
            )


def _growth(figures: Figures) -> Iterator[Goal]:
    for shape in SHAPES:
        sizes = _at(figures, "lookups", shape) or {}
        pair = [_at(sizes, str(size), "load", _FULL, "service", "cpu") for size in (SMALL, LARGE)]
        yield _at_most(
            f"CPU of a lookup, {LARGE:,} to {SMALL:,}, {shape}",
            1.3,
            pair if all(pair) else None,
            lambda it: it[1] / it[0],
            _hundredth,
        )


def _writes(figures: Figures) -> Iterator[Goal]:
    for shape in SHAPES:
        one = _at(figures, "writes", shape, "submissions", _FULL)
        goal = 5 * REFERENCE_SUBMISSIONS
        yield _at_least(f"submissions/s, {shape}: 5 × 197", goal, one, _rate, _whole)
    for shape in SHAPES:
        imports = _at(figures, "writes", shape, "imports")
        goal = 10 * REFERENCE_IMPORTS
        yield _at_least(
            f"imports/s, one worker, {shape}: 10 × 28", goal, imports, lambda it: it["rate"], _whole
        )


def _memory(figures: Figures) -> Iterator[Goal]:
    for shape in SHAPES:
        sizes = _at(figures, "lookups", shape) or {}
        largest = sizes[max(sizes, key=int)] if sizes else None
        size = f"{int(max(sizes, key=int)):,}" if sizes else f"{LARGE:,}"
        yield _at_most(
            f"index and hashes on disk, KB a fingerprint, {shape}, {size}",
            4.5,
            largest,
            lambda it: it["disk"]["index"] / 1000,
            _hundredth,
        )
        yield _at_most(
            f"a web process's own memory, MB, {shape}, {size}",
            120,
            largest,
            lambda it: max(one["own"] for one in it["memory_mb"]["web"]),
            _whole,
        )


def _bulk(figures: Figures) -> Iterator[Goal]:
    for shape, minutes in ((EMBEDDED, 10), (PRODUCTION, 15)):
        one = _at(figures, "bulk", shape)
        size = f" (from {one['size']:,})" if one and one["size"] != LARGE else ""
        name = f"bulk load of a million, index included, minutes, {shape}{size}"
        yield _at_most(name, minutes, one, lambda it: it["minutes_a_million"], _tenth)


def _starting(figures: Figures) -> Iterator[Goal]:
    for shape in SHAPES:
        one = _at(figures, "starting", shape)
        size = f"{one['size']:,}" if one else f"{LARGE:,}"
        for kind, words in (("warm", "files in memory"), ("cold", "files on disk only")):
            name = f"ready after a start, s, {shape}, {size}, {words}"
            value = None if one is None else {"seconds": one[kind]}
            yield _at_most(name, 3, value, lambda it: it["seconds"], _hundredth)


def _merging(figures: Figures) -> Iterator[Goal]:
    for shape in SHAPES:
        one = _at(figures, "merging", shape)
        added = f"{one['added']:,}" if one else f"{SMALL:,}"
        yield _at_most(
            f"p99 of lookups while {added} are written and merged, to quiet, {shape}",
            2,
            one,
            lambda it: it["busy"]["p99"] / it["quiet"]["p99"],
            _hundredth,
        )


def _at_least(
    name: str, goal: float, one: Any, value: Callable[[Any], float], shown: Callable[[float], str]
) -> Goal:
    if one is None:
        return Goal(name, f"≥ {shown(goal)}")
    figure = value(one)
    return Goal(name, f"≥ {shown(goal)}", shown(figure), _floor_of(one), figure >= goal)


def _at_most(
    name: str,
    goal: float,
    one: Any,
    value: Callable[[Any], float],
    shown: Callable[[float], str],
    floor: str = "rate",
) -> Goal:
    if one is None:
        return Goal(name, f"≤ {goal:g}")
    figure = value(one)
    return Goal(name, f"≤ {goal:g}", shown(figure), _floor_of(one, floor), figure <= goal)


def _floor_of(one: Any, value: str = "rate") -> str:
    floor = _at(one, "floor", value)
    return "" if floor is None else f"{floor:,.0f}" if value == "rate" else f"{floor:.1f}"


def _at(figures: Any, *names: str) -> Any:
    """Return what is found by these names, one in the other, or None."""
    for name in names:
        figures = figures.get(name) if isinstance(figures, Mapping) else None
    return figures


def _rate(one: Any) -> float:
    return float(one["service"]["rate"])


def _floor(one: Any) -> float:
    return float(one["floor"]["rate"])


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _tenth(value: float) -> str:
    return f"{value:.1f}"


def _hundredth(value: float) -> str:
    return f"{value:.2f}"


def _thousandth(value: float) -> str:
    return f"{value:.3f}"
