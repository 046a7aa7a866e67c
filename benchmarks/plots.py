"""Plots of the figures, in SVG; needs the extra ``bench``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_WIDTH: Final = 8.0
_HEIGHT: Final = 3.2
_PLAIN: Final = "16 connections"
_NAMED: Final = "meta=recordings, 16 connections"
_HALF: Final = "16, half load"


def lookups(figures: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw throughput and latency against the size of the catalogue; return the files."""
    figure, (upper, lower) = _figure(2)
    for number, (shape, sizes) in enumerate(figures.items()):
        colour = f"C{number}"
        for scenario, style, name in ((_PLAIN, "o-", shape), (_NAMED, "s-.", f"{shape}, names")):
            places, rates = _series(sizes, scenario, "service", "rate")
            if rates:
                upper.plot(places, rates, style, color=colour, label=name)
        places, rates = _series(sizes, _PLAIN, "floor", "rate")
        upper.plot(places, rates, ":", color=colour, label=f"floor beside {shape}")
        for percentile, style in (("p50", "o-"), ("p99", "^--")):
            places, times = _series(sizes, _HALF, "service", percentile)
            label = f"{shape}, {percentile}"
            lower.plot(places, times, style, color=colour, label=label)
    upper.set_ylabel("lookups a second")
    lower.set_ylabel("ms, at half load")
    lower.set_xlabel("fingerprints")
    lower.set_xscale("log")
    return [_save(figure, (upper, lower), folder / "lookups.svg")]


def mixed(figures: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw times, errors and memory against time, a file for each shape; return the files."""
    return [
        _mixed(shape, one["windows"], folder / f"mixed-{shape}.svg")
        for shape, one in figures.items()
    ]


def _mixed(shape: str, windows: Sequence[Mapping[str, Any]], path: Path) -> Path:
    figure, (upper, middle, lower) = _figure(3)
    times = [window["time"] / 60 for window in windows]
    for number, kind in enumerate(("lookups", "submissions")):
        for percentile, style in (("p50", "-"), ("p99", "--")):
            values = [window[kind][percentile] for window in windows]
            upper.plot(times, values, style, color=f"C{number}", label=f"{kind}, {percentile}")
        failed = [window[kind]["failed"] for window in windows]
        middle.plot(times, failed, color=f"C{number}", label=f"{kind} that failed")
    for number, kind in enumerate(windows[0]["waiting"], 2):
        values = [window["waiting"][kind] for window in windows]
        middle.plot(times, values, ":", color=f"C{number}", label=f"{kind} that wait")
    for part in windows[0]["memory_mb"]:
        sums = [sum(window["memory_mb"].get(part, {"pss": []})["pss"]) for window in windows]
        lower.plot(times, sums, label=part)
    upper.set_title(f"mixed load, {shape}")
    upper.set_ylabel("ms")
    middle.set_ylabel("number, every 10 s")
    lower.set_ylabel("MB (PSS), by part")
    lower.set_xlabel("minutes")
    return _save(figure, (upper, middle, lower), path)


def merging(figures: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw p99 of each window, quiet and then with writing and merging; return the files."""
    figure, (axes,) = _figure(1)
    for number, (shape, one) in enumerate(figures.items()):
        windows = one["windows"]
        quiet, busy = windows["quiet"], windows["busy"]
        places = [windows["seconds"] * place for place in range(-len(quiet), len(busy))]
        axes.plot(places, [*quiet, *busy], "o-", color=f"C{number}", label=shape)
    axes.axvline(0, color="grey", linestyle=":", label="the worker begins")
    axes.set_ylabel("p99 of lookups, ms")
    axes.set_xlabel("seconds")
    return [_save(figure, (axes,), folder / "merging.svg")]


def _figure(panels: int) -> tuple[Any, tuple[Any, ...]]:
    # It takes a while to load, and is not there unless plots are wanted.
    import matplotlib as mpl

    mpl.use("svg")
    # Equal figures give equal files, and text stays text.
    mpl.rcParams.update({"svg.hashsalt": "fpservice", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    size = (_WIDTH, _HEIGHT * panels)
    figure, axes = pyplot.subplots(panels, 1, sharex=True, figsize=size, squeeze=False)
    return figure, tuple(axes[:, 0])


def _series(
    sizes: Mapping[str, Any], scenario: str, server: str, value: str
) -> tuple[list[int], list[float]]:
    there = {int(size): one["load"] for size, one in sizes.items() if scenario in one["load"]}
    places = sorted(there)
    return places, [there[size][scenario][server][value] for size in places]


def _save(figure: Any, panels: Sequence[Any], path: Path) -> Path:
    for axes in panels:
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    # Many figures would stay in memory otherwise.
    from matplotlib import pyplot

    pyplot.close(figure)
    return path
