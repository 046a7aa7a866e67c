"""Whether an external index holds all it should: one that is being filled anew says so itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from fpservice.domain.errors import IndexUnavailableError
from fpservice.index.http_calls import IndexMissingError
from fpservice.index.wire_answers import IndexInfo

_KEY: Final = "fpservice.complete"
INCOMPLETE: Final[Mapping[str, str]] = {_KEY: "no"}
COMPLETE: Final[Mapping[str, str]] = {_KEY: "yes"}
# How long a process goes on searching without another look; so long nobody may fill an index anew
# after it was found missing.
LOOK_SECONDS: Final = 0.5


class CompletenessCheck:
    """Looks at the metadata of an index, twice a second at most."""

    def __init__(self, info: Callable[[float], IndexInfo]) -> None:
        """``info`` gets the seconds it may take."""
        self._info = info
        self._look_at = 0.0

    def check(self, seconds: float) -> None:
        """Return if the index is complete.

        Raises:
            IndexUnavailableError: it is not, or does not answer.
            IndexMissingError: there is none, or one in which there never was anything.
        """
        now = time.monotonic()
        if now < self._look_at:
            return
        info = self._info(seconds)
        if not info.version:
            # Whoever fills it anew has not come to say so yet.
            raise IndexMissingError
        if info.metadata.get(_KEY) == INCOMPLETE[_KEY]:
            raise IndexUnavailableError(
                "the index was missing and is not filled yet; if `fpservice index rebuild` does"
                " not run any more, run it again"
            )
        self._look_at = now + LOOK_SECONDS
