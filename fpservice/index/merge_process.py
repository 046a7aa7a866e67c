"""Starting the process that merges, and knowing whether it still runs."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Final

from fpservice.niceness import give_way

NICENESS: Final = 10
_logger: Final = logging.getLogger(__name__)


class MergeProcess:
    """At most one merging process of this one. It outlives its parent, which may be short-lived."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._process: subprocess.Popen[bytes] | None = None

    def is_running(self) -> bool:
        """Return whether the process last started still runs."""
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        return self._process is not None

    def start(self, generation: Path, max_segments: int) -> None:
        """Start merging a generation; a failure is only logged, as nothing depends on it."""
        if self.is_running():
            return
        command = [sys.executable, "-m", "fpservice.index.merge", str(generation.resolve())]
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [*command, str(max_segments)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            # Loading what it needs takes as long as a small merge.
            give_way(NICENESS, self._process.pid)
        except OSError as error:
            _logger.warning("cannot start merging of %s: %s", generation, error)
