"""Prints the figures of the benchmarks, each beside the floor's."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

console = Console(width=150)
Figures = dict[str, Any]


def circumstances(figures: Figures) -> None:
    """Print when, where and how it was measured."""
    machine = figures["machine"]
    threads = figures["threads"] or "as configured"
    console.print(
        f"{figures['date']}: {machine['processors']} × {machine['model']}, Python"
        f" {machine['python']}, load average {machine['load_average']:.1f} before; load from"
        f" {figures['generator']}, kernels: {figures['kernels']}; {figures['workers']} processes,"
        f" threads: {threads}; medians of {figures['rounds']} rounds of {figures['seconds']:g} s"
    )


def lookups(figures: Figures) -> None:
    """Print the figures of lookups, by shape and size."""
    for shape, sizes in figures.items():
        for size, one in sizes.items():
            title = f"lookups, {shape}, {int(size):,} fingerprints"
            console.print(load_table(title, one["load"]))
            for kind, times in one["stages_ms"].items():
                console.print(_stages(kind, times))
            _print_recall(one["recall"])
            console.print(
                f"on disk: {one['disk']['index']:,.0f} bytes a fingerprint in the index, hashes"
                f" included; {one['disk']['all']:,.0f} with the databases"
            )
            console.print(_memory(one["memory_mb"]))


def writes(figures: Figures) -> None:
    """Print the figures of submissions and imports, by shape."""
    for shape, one in figures.items():
        title = f"submissions, {shape}, {one['size']:,} fingerprints"
        console.print(load_table(title, one["submissions"]))
        imports = one["imports"]
        console.print(
            f"imports, {shape}, one worker: {imports['rate']:.0f} a second,"
            f" {imports['cpu']:.2f} ms CPU each ({parts(imports['cpu_parts'])}); all of"
            f" {imports['number']:.0f} searchable {imports['searchable']:.2f} s after the last"
        )


def bulk(figures: Figures) -> None:
    """Print how long dumps took, by shape."""
    for shape, one in figures.items():
        cpu = ", ".join(f"{part} {seconds:.0f}" for part, seconds in one["cpu_s"].items())
        console.print(
            f"bulk load, {shape}: {one['size']:,} fingerprints ({one['dump_mb']:,.0f} MB) in"
            f" {one['seconds']:.0f} s, {one['minutes_a_million']:.1f} minutes a million; processor"
            f" seconds: {cpu}"
        )


def starting(figures: Figures) -> None:
    """Print how soon services were ready, by shape."""
    for shape, one in figures.items():
        console.print(
            f"start, {shape}, {one['size']:,} fingerprints: ready after {one['warm']:.2f} s,"
            f" {one['cold']:.2f} s when the files were on disk only; processor time until then,"
            f" without database servers, {one['cpu']:.2f} s"
        )


def merging(figures: Figures) -> None:
    """Print what writing and merging does to lookups, by shape."""
    for shape, one in figures.items():
        quiet, busy = one["quiet"], one["busy"]
        console.print(
            f"lookups at half load while {one['added']:,} fingerprints are written and merged in"
            f" {one['seconds']:.0f} s, {shape}: p99 {busy['p99']:.1f} ms (worst window"
            f" {busy['worst_p99']:.1f}), quiet {quiet['p99']:.1f} ({quiet['worst_p99']:.1f});"
            f" p50 {busy['p50']:.1f} and {quiet['p50']:.1f}; failed {busy['failed']}"
        )


def mixed(figures: Figures) -> None:
    """Print the first, the worst and the last of a mixed load, by shape."""
    for shape, one in figures.items():
        windows = one["windows"]
        table = Table(
            title=f"mixed load, {shape}: {one['rate']:.0f} a second of {one['ceiling']:.0f};"
            f" {len(windows)} windows of {one['window_seconds']:g} s"
        )
        heads = ("window", "lookups/s", "p50", "p99", "submissions/s", "p50", "p99", "failed")
        for head in (*heads, "submissions wait", "PSS, MB"):
            table.add_column(head, justify="right")
        worst = max(range(len(windows)), key=lambda place: windows[place]["lookups"]["p99"])
        for place in sorted({0, len(windows) // 2, worst, len(windows) - 1}):
            table.add_row(*_window(place, windows[place]))
        console.print(table)
        failed = sum(one["lookups"]["failed"] + one["submissions"]["failed"] for one in windows)
        console.print(f"failed in all windows: {failed}")


def _window(place: int, window: Figures) -> list[str]:
    kinds = (window["lookups"], window["submissions"])
    times = [f"{kind[name]:.1f}" for kind in kinds for name in ("rate", "p50", "p99")]
    pss = sum(sum(part["pss"]) for part in window["memory_mb"].values())
    failed = sum(kind["failed"] for kind in kinds)
    return [str(place), *times, str(failed), str(window["waiting"]["submissions"]), f"{pss:.0f}"]


def load_table(title: str, load: Figures) -> Table:
    """Return a table of scenarios, the service beside the floor."""
    table = Table(title=f"{title}: service / floor; times in ms")
    table.add_column("load")
    heads = ("a second", "of the floor", "p50", "p95", "p99", "CPU a request")
    for head in (*heads, "of it", "load's CPU", "failed"):
        table.add_column(head, justify="right")
    for name, by_server in load.items():
        service, floor = by_server["service"], by_server["floor"]
        table.add_row(
            name,
            f"{service['rate']:.0f} / {floor['rate']:.0f}",
            f"{service['rate'] / floor['rate']:.0%}",
            *(f"{service[p]:.1f} / {floor[p]:.1f}" for p in ("p50", "p95", "p99")),
            f"{service['cpu']:.2f} / {floor['cpu']:.2f}",
            parts(service["cpu_parts"]),
            f"{service['load_cpu']:.2f}",
            f"{service['failed']:.0f} / {floor['failed']:.0f}",
        )
    return table


def parts(cpu: dict[str, float]) -> str:
    """Return the parts of a processor time that can be seen."""
    return ", ".join(f"{part} {ms:.2f}" for part, ms in cpu.items() if ms >= 0.005)


def _stages(kind: str, times: Figures) -> Table:
    kind = kind.removesuffix(", ")
    table = Table(title=f"stages of {kind} lookups by the service's metrics, one connection, ms")
    table.add_column("stage")
    for head in ("number", "p50", "p95", "p99"):
        table.add_column(head, justify="right")
    for name, time in times.items():
        table.add_row(name, str(time["number"]), *(f"{time[p]:.3f}" for p in ("p50", "p95", "p99")))
    return table


def _print_recall(recall: Figures) -> None:
    for name, found in recall.items():
        console.print(
            f"recall@1 of {name} queries: {found['right'] / max(found['known'], 1):.3f}"
            f" of {found['known']}; {found['false']} of {found['unknown']} unknown ones matched"
        )


def _memory(memory: Figures) -> Table:
    table = Table(title="memory, MB")
    table.add_column("part")
    for head in ("processes", "share (PSS), together", "of its own, each"):
        table.add_column(head, justify="right")
    for part, some in memory.items():
        own = ", ".join(f"{one['own']:.0f}" for one in some[:6])
        table.add_row(part, str(len(some)), f"{sum(one['pss'] for one in some):.0f}", own)
    return table
