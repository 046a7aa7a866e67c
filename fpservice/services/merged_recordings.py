"""Links to recordings that MusicBrainz merged are written back under the present MBIDs."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from sqlalchemy import Connection

from fpservice.db.fingerprint.former_mbids import JoinedLink, linked_mbids, write_joined
from fpservice.db.fingerprint.link_changes import (
    LinkChange,
    MbidLink,
    links_of_mbids,
    record_changes,
)
from fpservice.db.locks import lock_imports
from fpservice.db.transaction import Database

# MBIDs that are looked up at once.
BATCH_MBIDS: Final = 1000
# Of those, former ones whose links are written in one transaction: imports wait meanwhile.
BATCH_FORMER: Final = 100
START: Final = uuid.UUID(int=0)
_END: Final = 2**128

MergedInto = Callable[[Collection[uuid.UUID]], Mapping[uuid.UUID, uuid.UUID]]


@dataclass(slots=True)
class Followed:
    """What was done up to now.

    ``undecided`` are (track id, present MBID) of links that are left as they are, because some of
    them are disabled and some are not. ``position`` is the last MBID that was looked at.
    """

    looked_at: int = 0
    written: int = 0
    joined: int = 0
    undecided: set[tuple[int, uuid.UUID]] = field(default_factory=set)
    position: uuid.UUID = START

    @property
    def fraction(self) -> float:
        """How far this is: MBIDs are random, so their numbers say it, and nothing is counted."""
        return self.position.int / _END


class MergedRecordings:
    """Rewrites links of the database ``fingerprint``; what was done already is not done again."""

    def __init__(self, fingerprint: Database, merged_into: MergedInto) -> None:
        """``merged_into`` returns the present MBID of each that is a former one."""
        self._fingerprint = fingerprint
        self._merged_into = merged_into

    def follow(
        self,
        by: str,
        after: uuid.UUID = START,
        progress: Callable[[Followed], None] | None = None,
    ) -> Followed:
        """Look at all MBIDs over ``after``, rising; ``progress`` is called after each batch.

        What lookups answer stays the same: they follow mergers themselves, and links of which some
        are disabled and some are not stay as they are, for a person to decide.

        Raises:
            MetadataUnavailableError: MusicBrainz does not answer; what was written stays.
            DatabaseUnavailableError: the database does not answer; what was written stays.
        """
        done = Followed(position=after)
        while mbids := self._next(done.position):
            former = iter(self._merged_into(mbids).items())
            while some := dict(islice(former, BATCH_FORMER)):
                self._write(some, by, done)
            done.looked_at += len(mbids)
            done.position = mbids[-1]
            if progress:
                progress(done)
        return done

    def _next(self, after: uuid.UUID) -> list[uuid.UUID]:
        with self._fingerprint.reading() as connection:
            return linked_mbids(connection, after, BATCH_MBIDS)

    def _write(self, former: Mapping[uuid.UUID, uuid.UUID], by: str, done: Followed) -> None:
        with self._fingerprint.writing() as connection:
            lock_imports(connection)
            groups = _same_links(connection, former)
            decided = {pair: some for pair, some in groups.items() if _agree(some)}
            joined = [_joined(some, mbid) for (_, mbid), some in decided.items()]
            write_joined(connection, joined)
            changes = [
                _change(one, join, by)
                for join, some in zip(joined, decided.values(), strict=True)
                for one in some
                if one.mbid != join.mbid
            ]
            record_changes(connection, changes)
        done.written += len(joined)
        done.joined += sum(len(one.ended_ids) for one in joined)
        # Met again under each of their former MBIDs.
        done.undecided |= groups.keys() - decided.keys()


def _same_links(
    connection: Connection, former: Mapping[uuid.UUID, uuid.UUID]
) -> dict[tuple[int, uuid.UUID], list[MbidLink]]:
    """Return links under former MBIDs, with those that mean the same, by track and present MBID."""
    groups: dict[tuple[int, uuid.UUID], list[MbidLink]] = defaultdict(list)
    for link in links_of_mbids(connection, former.keys()):
        groups[link.track_id, former[link.mbid]].append(link)
    for link in links_of_mbids(connection, set(former.values())):
        if (link.track_id, link.mbid) in groups:
            groups[link.track_id, link.mbid].append(link)
    return dict(groups)


def _agree(links: Sequence[MbidLink]) -> bool:
    return len({link.disabled for link in links}) == 1


def _joined(links: Sequence[MbidLink], mbid: uuid.UUID) -> JoinedLink:
    kept = next((link for link in links if link.mbid == mbid), links[0])
    total = sum(link.submission_count for link in links)
    return JoinedLink(kept.id, mbid, total, tuple(link.id for link in links if link.id != kept.id))


def _change(link: MbidLink, joined: JoinedLink, by: str) -> LinkChange:
    note = f"MusicBrainz merged recording {link.mbid} into {joined.mbid}"
    if link.id != joined.kept_id:
        note += f"; {link.submission_count} submissions were added"
    return LinkChange(joined.kept_id, by, note, link.disabled)
