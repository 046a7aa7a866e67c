"""How many distorted recordings are found: ``python -m benchmarks.recall``, or ``make recall``.

All tracks of ``benchmarks/data`` are put into a new installation; then every distorted version,
and what must match nothing, is looked up as the web service does it.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.corpus import Variant, recordings, variants
from benchmarks.installation import environment, fill, opened, track_gid
from benchmarks.published import PUBLISHED
from fpservice.bootstrap import build_search, build_services
from fpservice.domain.fingerprint import Hashes
from fpservice.domain.metadata import MetaWords
from fpservice.interfaces import StoredFingerprint
from fpservice.services.lookup import FingerprintQuery, LookupService
from fpservice.services.search import FingerprintSearch

MAX_DIFFERENCE: Final = 7
STRICT_SCORE: Final = 0.5
# As lookups do it, with the duration filter; and where durations do not count. "strict" takes only
# scores over 0.5, the others all that the service shows.
LOOKUP: Final = "lookup"
LOOKUP_STRICT: Final = "lookup strict"
ANYWHERE: Final = "anywhere"
ANYWHERE_STRICT: Final = "anywhere strict"
_SHOWN: Final = 20
_NO_WORDS: Final = MetaWords(frozenset(), None)

Best = tuple[str, float] | None


class Catalogue:
    """An installation that holds recordings, and finds them."""

    def __init__(self, ids: list[str], lookup: LookupService, search: FingerprintSearch) -> None:
        """Fingerprint n, counted from 1, is of the recording ``ids[n - 1]``."""
        self._by_gid = {track_gid(number): id for number, id in enumerate(ids, 1)}
        self._ids = ids
        self._lookup = lookup
        self._search = search

    def ask(self, hashes: Hashes, duration: int) -> dict[str, Best]:
        """Return the best result (id, score) of each kind for ``uint32[n]`` and seconds."""
        filtered = self._looked_up(hashes, duration)
        anywhere = self._found_anywhere(hashes)
        return {
            LOOKUP: filtered,
            LOOKUP_STRICT: _strict(filtered),
            ANYWHERE_STRICT: _strict(anywhere),
            ANYWHERE: anywhere,
        }

    def _looked_up(self, hashes: Hashes, duration: int) -> Best:
        query = FingerprintQuery(hashes, duration, MAX_DIFFERENCE)
        results = self._lookup.lookup([query], _NO_WORDS)[0]
        return (self._by_gid[results[0].gid], results[0].score) if results else None

    def _found_anywhere(self, hashes: Hashes) -> Best:
        matches = self._search.find(hashes, None, MAX_DIFFERENCE)
        return (self._ids[matches[0].fingerprint_id - 1], matches[0].score) if matches else None


@dataclass(slots=True)
class Recall:
    """How many of one kind were looked up, and how many of them were right in each way."""

    number: int = 0
    right: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, variant: Variant, bests: dict[str, Best]) -> None:
        """Count a distorted version."""
        self.number += 1
        for way, best in bests.items():
            self.right[way] += best is not None and variant.is_found(best[0])
        for best in (bests[LOOKUP], bests[ANYWHERE]):
            if best and not variant.is_found(best[0]):
                self.wrong.append(f"{variant.of} -> {best[0]}")
        if bests[ANYWHERE_STRICT] is None:
            self.missed.append(variant.of)

    def percent(self, way: str) -> float:
        """Return recall@1 in percent."""
        return 100.0 * self.right[way] / self.number


@dataclass(frozen=True, slots=True)
class Measured:
    """``recall`` by variant; ``false`` by file: what should match nothing and did, with scores."""

    recall: dict[str, Recall]
    false: dict[str, dict[str, Best]]


def measure() -> Measured:
    """Look up everything there is; takes a few seconds."""
    with catalogue() as asked:
        return Measured(
            _recall(asked, variants()),
            {name: _false(asked, name) for name in ("negatives", "ambience")},
        )


@contextmanager
def catalogue() -> Iterator[Catalogue]:
    """Yield a temporary installation with all real tracks."""
    tracks = recordings("real")
    stored = [
        StoredFingerprint(id, track.duration, track.hashes) for id, track in enumerate(tracks, 1)
    ]
    with (
        tempfile.TemporaryDirectory() as directory,
        opened(environment(Path(directory))) as parts,
    ):
        fill(parts, [stored])
        lookup = build_services(parts).lookup
        yield Catalogue([track.id for track in tracks], lookup, build_search(parts))


def _recall(asked: Catalogue, versions: Iterable[Variant]) -> dict[str, Recall]:
    found: dict[str, Recall] = defaultdict(Recall)
    for version in versions:
        found[version.name].add(version, asked.ask(version.hashes, version.duration))
    return dict(found)


def _false(asked: Catalogue, name: str) -> dict[str, Best]:
    bests = {
        one.id: asked.ask(one.hashes, one.duration)[ANYWHERE]
        for one in recordings("negatives" if name == "negatives" else "ambience")
    }
    return {id: best for id, best in bests.items() if best}


def _strict(best: Best) -> Best:
    return best if best and best[1] > STRICT_SCORE else None


def _table(measured: Measured) -> Table:
    table = Table(title="recall@1 in percent; in brackets what is published of the classic method")
    table.add_column("variant")
    heads = ("number", "lookup > 0.4", "lookup > 0.5", "any duration > 0.5", "> 0.4", "wrong")
    for head in (*heads, "public store"):
        table.add_column(head, justify="right")
    for name, recall in measured.recall.items():
        known = PUBLISHED[name]
        table.add_row(
            name,
            str(recall.number),
            f"{recall.percent(LOOKUP):.1f} ({known.classic_lookup:g})",
            f"{recall.percent(LOOKUP_STRICT):.1f}",
            f"{recall.percent(ANYWHERE_STRICT):.1f} ({known.classic:g})",
            f"{recall.percent(ANYWHERE):.1f}",
            str(len(recall.wrong)),
            f"{known.public:g}",
        )
    return table


def main() -> None:
    """Measure and print."""
    console = Console(width=120)
    measured = measure()
    console.print(_table(measured))
    for name, matched in measured.false.items():
        console.print(f"{name}: {len(matched)} match something {matched or ''}")
    for name, recall in measured.recall.items():
        known = PUBLISHED[name]
        if recall.percent(ANYWHERE_STRICT) < known.classic:
            missed = ", ".join(recall.missed[:_SHOWN])
            console.print(f"{name} below {known.classic}: {len(recall.missed)} missed, {missed}")


if __name__ == "__main__":
    main()
