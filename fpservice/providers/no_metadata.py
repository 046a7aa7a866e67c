"""The metadata provider of an installation that has none."""

from __future__ import annotations

import math
import uuid
from collections.abc import Collection

from fpservice.domain.recording import Recording, RecordingParts


class NoMetadata:
    """Knows nothing."""

    def recordings(
        self, mbids: Collection[uuid.UUID], parts: RecordingParts, time_limit: float = math.inf
    ) -> dict[uuid.UUID, Recording]:
        """Return nothing."""
        return {}

    def aliases(
        self, mbids: Collection[uuid.UUID], time_limit: float = math.inf
    ) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
        """Return nothing."""
        return {}
