"""A metadata provider that remembers what another one said."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Collection
from typing import Final

from fpservice.domain.recording import Recording, RecordingParts
from fpservice.interfaces import MetadataProvider
from fpservice.providers.recording_memory import Known, RecordingMemory
from fpservice.providers.shared_recordings import SharedRecordings

# A recording that was just entered should not stay unknown for long.
_UNKNOWN_TTL: Final = 60.0


class CachedProvider:
    """Asks the other one, in one call, for the recordings that nobody has read of late.

    Nobody: neither this process nor one that it shares a cache with. That the other one did not
    answer is never remembered.
    """

    def __init__(
        self,
        provider: MetadataProvider,
        memory: RecordingMemory,
        shared: SharedRecordings | None,
        ttl: float,
    ) -> None:
        """Remember recordings for ``ttl`` seconds from when they were read, unknown ones less."""
        self._provider = provider
        self._memory = memory
        self._shared = shared
        self._ttl = ttl

    def recordings(
        self, mbids: Collection[uuid.UUID], parts: RecordingParts, time_limit: float = math.inf
    ) -> dict[uuid.UUID, Recording]:
        """Return what is remembered, and what the provider knows of the rest.

        Raises:
            MetadataUnavailableError: something is not remembered, and the provider failed.
        """
        deadline = time.monotonic() + time_limit
        wanted = set(mbids)
        found = self._memory.get(wanted, parts)
        missing = wanted - found.keys()
        if missing and self._shared and time_limit > 0:
            found |= self._from_shared(self._shared, missing, parts)
            missing = wanted - found.keys()
        if missing:
            found |= self._from_provider(missing, parts, deadline - time.monotonic())
        return {mbid: one for mbid, one in found.items() if one is not None}

    def aliases(
        self, mbids: Collection[uuid.UUID], time_limit: float = math.inf
    ) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
        """Return what the provider knows; few ask for it, so it is not remembered.

        Raises:
            MetadataUnavailableError: the provider failed.
        """
        return self._provider.aliases(mbids, time_limit)

    def _from_shared(
        self, shared: SharedRecordings, mbids: Collection[uuid.UUID], parts: RecordingParts
    ) -> dict[uuid.UUID, Recording | None]:
        known = {
            # The clock of who read it may be wrong, and its lifetimes others.
            mbid: Known(one.recording, min(one.seconds, self._lifetime(one.recording)))
            for mbid, one in shared.get(mbids, parts).items()
        }
        self._memory.keep(known, parts)
        return {mbid: one.recording for mbid, one in known.items()}

    def _from_provider(
        self, mbids: Collection[uuid.UUID], parts: RecordingParts, time_limit: float
    ) -> dict[uuid.UUID, Recording | None]:
        started = time.monotonic()
        read = self._provider.recordings(mbids, parts, time_limit)
        age = time.monotonic() - started
        found = {mbid: read.get(mbid) for mbid in mbids}
        known = {mbid: Known(one, self._lifetime(one) - age) for mbid, one in found.items()}
        self._memory.keep(known, parts)
        if self._shared:
            self._shared.keep(known, parts)
        return found

    def _lifetime(self, recording: Recording | None) -> float:
        return self._ttl if recording else min(self._ttl, _UNKNOWN_TTL)
