"""What a server tells Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fpservice.index.served.counters import SharedCounters
from fpservice.index.served.folder import ServedFolder

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SEARCHES: Final = "searches"
HITS: Final = "search_hits"
UPDATES: Final = "updates"
CHANGES: Final = "changes"
ERRORS: Final = "errors"
COUNTERS: Final = (SEARCHES, HITS, UPDATES, CHANGES, ERRORS)


def exposition(counters: SharedCounters, folder: ServedFolder) -> str:
    """Return the text format 0.0.4."""
    return "".join(f"{line}\n" for line in _lines(counters, folder))


def _lines(counters: SharedCounters, folder: ServedFolder) -> Iterator[str]:
    for name, value in counters.totals().items():
        yield f"# TYPE fpindex_{name}_total counter"
        yield f"fpindex_{name}_total {value}"
    known = [(name, index.info()) for name, index in folder.existing()]
    for gauge in ("fingerprints", "segments", "version"):
        yield f"# TYPE fpindex_{gauge} gauge"
        for name, info in known:
            yield f'fpindex_{gauge}{{index="{name}"}} {getattr(info, gauge)}'
