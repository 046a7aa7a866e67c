"""The figures as tables of Markdown, for ``docs/benchmarks.md``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks import goals, tables

Figures = Mapping[str, Any]
_LOAD: Final = (
    "load",
    "a second",
    "of the floor",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "CPU ms a request",
    "of it",
)


def markdown(figures: Figures) -> str:
    """Return the goals and the figures of all measurements that were made."""
    return "\n".join([_goals(figures), *_lookups(figures), *_writes(figures)])


def _goals(figures: Figures) -> str:
    rows = [
        (
            one.name,
            one.goal,
            one.figure,
            one.floor,
            {True: "yes", False: "**no**", None: ""}[one.reached],
        )
        for one in goals.goals(figures)
    ]
    return _table(("what", "goal", "figure", "floor", "reached"), rows)


def _lookups(figures: Figures) -> Iterator[str]:
    for shape, sizes in figures.get("lookups", {}).items():
        for size, one in sizes.items():
            yield f"Lookups, {shape}, {int(size):,} fingerprints, service / floor\n"
            yield _table(_LOAD, _loads(one["load"]))
            for kind, stages in one["stages_ms"].items():
                yield f"Stages of these, {kind.removesuffix(', ')}, ms\n"
                rows = ((name, *_times(time)) for name, time in stages.items())
                yield _table(("stage", "p50", "p95", "p99"), rows)


def _writes(figures: Figures) -> Iterator[str]:
    for shape, one in figures.get("writes", {}).items():
        yield f"Submissions, {shape}, {one['size']:,} fingerprints, service / floor\n"
        yield _table(_LOAD, _loads(one["submissions"]))


def _loads(load: Figures) -> Iterator[Sequence[str]]:
    for name, by_server in load.items():
        service, floor = by_server["service"], by_server["floor"]
        yield (
            name,
            f"{service['rate']:,.0f} / {floor['rate']:,.0f}",
            f"{service['rate'] / floor['rate']:.0%}",
            *(f"{service[p]:.1f} / {floor[p]:.1f}" for p in ("p50", "p95", "p99")),
            f"{service['cpu']:.2f} / {floor['cpu']:.2f}",
            tables.parts(service["cpu_parts"]),
        )


def _times(time: Figures) -> Iterator[str]:
    return (f"{time[name]:.3f}" for name in ("p50", "p95", "p99"))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
