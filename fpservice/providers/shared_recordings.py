"""Recordings in a cache that processes share, as bytes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Final

import msgspec

from fpservice.domain.recording import Recording, RecordingParts
from fpservice.interfaces import Cache
from fpservice.providers.recording_memory import Known, parts_number

# Another one for every change of the classes in domain/recording.py, of what their fields mean,
# or of what is written here: old bytes are never read as something new.
VERSION: Final = 1
# A recording on some 1500 releases; Redis has others to serve meanwhile.
_MAX_BYTES: Final = 2**20
# Text that is no UTF-8 and nesting without end have errors of their own.
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)


class SharedRecordings:
    """Each is stored with the time at which it stops being good, by the clock of who read it."""

    def __init__(self, cache: Cache, clock: Callable[[], float] = time.time) -> None:
        """``clock`` is in seconds since 1970."""
        self._cache = cache
        self._clock = clock
        self._decoder = msgspec.msgpack.Decoder(tuple[float, Recording | None])

    def get(self, mbids: Collection[uuid.UUID], parts: RecordingParts) -> dict[uuid.UUID, Known]:
        """Return what is there and still good, by MBID."""
        keys = {_key(mbid, parts): mbid for mbid in mbids}
        now = self._clock()
        found: dict[uuid.UUID, Known] = {}
        for key, value in self._cache.get_many(keys).items():
            try:
                until, recording = self._decoder.decode(value)
            except _UNREADABLE:
                # Whoever reads the recording elsewhere writes it here anew.
                continue
            if until > now:
                found[keys[key]] = Known(recording, until - now)
        return found

    def keep(self, known: Mapping[uuid.UUID, Known], parts: RecordingParts) -> None:
        """Store it all for as long as it is good."""
        now = self._clock()
        values = {
            _key(mbid, parts): (
                msgspec.msgpack.encode((now + one.seconds, one.recording)),
                one.seconds,
            )
            for mbid, one in known.items()
        }
        self._cache.set_many(
            {key: value for key, value in values.items() if len(value[0]) <= _MAX_BYTES}
        )


def _key(mbid: uuid.UUID, parts: RecordingParts) -> str:
    return f"{VERSION}:{parts_number(parts)}:{mbid}"
