"""Prints the figures of a benchmark of lookups."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table


def show(figures: dict[str, Any]) -> None:
    """Print the figures as :mod:`benchmarks.lookups` keeps them."""
    console = Console(width=120)
    options, machine = figures["options"], figures["machine"]
    console.print(
        f"{options['size']} fingerprints, {options['workers']} workers of {options['threads']}"
        f" threads, {machine['processors']} × {machine['model']}, Python {machine['python']},"
        f" load average {machine['load_average']:.1f} before"
    )
    console.print(_load_table(figures))
    console.print(_stages_table(figures))
    for name, found in figures["recall"].items():
        console.print(
            f"recall@1 of {name} queries: {found['right'] / max(found['known'], 1):.3f}"
            f" of {found['known']}; {found['false']} of {found['unknown']} unknown ones matched"
        )
    for worker in figures["workers_mb"]:
        console.print(
            f"a worker: {worker['anonymous']:.0f} MB of its own, {worker['pss']:.0f} MB with its"
            " part of mapped files (PSS)"
        )


def _load_table(figures: dict[str, Any]) -> Table:
    table = Table(title="the service / the floor; times in ms")
    table.add_column("load")
    for head in ("requests/s", "of the floor", "p50", "p95", "p99", "CPU a request", "failed"):
        table.add_column(head, justify="right")
    for name, by_server in figures["load"].items():
        service, floor = by_server["service"], by_server["floor"]
        table.add_row(
            name,
            f"{service['rate']:.0f} / {floor['rate']:.0f}",
            f"{service['rate'] / floor['rate']:.0%}",
            *(f"{service[p]:.1f} / {floor[p]:.1f}" for p in ("p50", "p95", "p99")),
            f"{service['cpu']:.2f} / {floor['cpu']:.2f}",
            f"{service['failed']:.0f} / {floor['failed']:.0f}",
        )
    return table


def _stages_table(figures: dict[str, Any]) -> Table:
    table = Table(title="stages in process, each alone: µs of processor time")
    table.add_column("stage")
    for head in ("p50", "p95", "p99"):
        table.add_column(head, justify="right")
    for name, times in figures["stages_us"].items():
        table.add_row(name, *(f"{times[p]:.0f}" for p in ("p50", "p95", "p99")))
    return table
