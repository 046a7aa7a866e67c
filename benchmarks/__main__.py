"""All measurements, and the table of goals: ``make bench``, or ``python -m benchmarks``.

What is generated is kept in ``benchmarks/out``; ``--resume`` goes on where a run broke off.
The mixed load of ten minutes is a command of its own: ``python -m benchmarks.mixed``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks import bulk, goals, lookups, merging, plots, report, starting, tables, writes
from benchmarks.plan import OUT, Plan, add_options, circumstances, keep, read_plan

Figures = dict[str, Any]


def _lookups(plan: Plan, figures: Figures) -> None:
    for shape in plan.shapes:
        for size in plan.sizes:
            by_size = figures.setdefault("lookups", {}).setdefault(shape, {})
            if str(size) not in by_size:
                tables.console.print(f"lookups: {shape}, {size:,} fingerprints")
                by_size[str(size)] = lookups.measure(plan, shape, size)
                keep(_name(plan), figures)


def _of_shapes(name: str, measure: Callable[[Plan, str], Any]) -> Callable[[Plan, Figures], None]:
    def of_shapes(plan: Plan, figures: Figures) -> None:
        for shape in plan.shapes:
            by_shape = figures.setdefault(name, {})
            if shape not in by_shape:
                tables.console.print(f"{name}: {shape}")
                by_shape[shape] = measure(plan, shape)
                keep(_name(plan), figures)

    return of_shapes


_MEASUREMENTS: Final[dict[str, Callable[[Plan, Figures], None]]] = {
    "lookups": _lookups,
    "writes": _of_shapes("writes", writes.measure),
    "starting": _of_shapes(
        "starting", lambda plan, shape: starting.measure(plan, shape, max(plan.sizes))
    ),
    "merging": _of_shapes("merging", merging.measure),
    "bulk": _of_shapes("bulk", bulk.measure),
}
_SHOWN: Final[dict[str, Callable[[Figures], None]]] = {
    "lookups": tables.lookups,
    "writes": tables.writes,
    "starting": tables.starting,
    "merging": tables.merging,
    "bulk": tables.bulk,
}
_DRAWN: Final = {"lookups": plots.lookups, "merging": plots.merging}


def main() -> None:
    """Measure, print, and keep the figures."""
    options = _options()
    plan = read_plan(options)
    if options.show:
        figures: Figures = json.loads(options.show.read_text(encoding="utf-8"))
    else:
        figures = _measure(plan, options.only, _figures(plan, resumed=options.resume))
    found = goals.goals(figures)
    if options.markdown:
        print(report.markdown(figures))
    else:
        _show(figures, found)
    if options.plots:
        for name, draw in _DRAWN.items():
            if name in figures:
                draw(figures[name], options.plots)


def _figures(plan: Plan, *, resumed: bool) -> Figures:
    """Return the figures to which others are added."""
    path = OUT / f"{_name(plan)}.json"
    if resumed and path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    return circumstances(plan)


def _measure(plan: Plan, names: Sequence[str], figures: Figures) -> Figures:
    for name in names:
        _MEASUREMENTS[name](plan, figures)
    figures["goals"] = [asdict(goal) for goal in goals.goals(figures)]
    keep(_name(plan), figures)
    return figures


def _show(figures: Figures, found: list[goals.Goal]) -> None:
    tables.circumstances(figures)
    for name, show in _SHOWN.items():
        if name in figures:
            show(figures[name])
    goals.show(found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    add_options(parser)
    parser.add_argument(
        "--only", nargs="+", choices=list(_MEASUREMENTS), default=list(_MEASUREMENTS)
    )
    parser.add_argument(
        "--resume", action="store_true", help="measure only what the last run has not"
    )
    parser.add_argument("--plots", type=Path, help="folder for plots, as docs/images")
    parser.add_argument("--markdown", action="store_true", help="print tables of Markdown")
    parser.add_argument("--show", type=Path, help=f"measure nothing, show a file of {OUT}")
    return parser.parse_args()


def _name(plan: Plan) -> str:
    return "quick" if plan.quick else "bench"


if __name__ == "__main__":
    main()
