"""Whether an external index holds all it should: one that is being filled anew says so itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from fpservice.domain.errors import IndexUnavailableError
from fpservice.index.wire_answers import IndexInfo

_KEY: Final = "fpservice.complete"
INCOMPLETE: Final[Mapping[str, str]] = {_KEY: "no"}
COMPLETE: Final[Mapping[str, str]] = {_KEY: "yes"}
# How long a process may go on searching an index that was wiped and is being filled.
_LOOK_SECONDS: Final = 1.0


class CompletenessCheck:
    """Looks at the metadata of an index, once a second at most."""

    def __init__(self, info: Callable[[float], IndexInfo]) -> None:
        """``info`` gets the seconds it may take."""
        self._info = info
        self._look_at = 0.0

    def check(self, seconds: float) -> None:
        """Return if the index is complete.

        Raises:
            IndexUnavailableError: it is not, or does not answer.
            IndexMissingError: there is none.
        """
        if time.monotonic() < self._look_at:
            return
        if self._info(seconds).metadata.get(_KEY) == INCOMPLETE[_KEY]:
            raise IndexUnavailableError(
                "the index was missing and is not filled yet; if `fpservice index rebuild` does"
                " not run any more, run it again"
            )
        self._look_at = time.monotonic() + _LOOK_SECONDS
