"""How the end of the service is announced: health pages turn to 503 while requests are answered.

``fpservice serve`` holds one end of a pipe, the web processes inherit the other. When the first is
closed, the service is about to end; the kernel closes it too if the supervisor is killed.
"""

from __future__ import annotations

import os
import select
from typing import Final

# Names the inherited end, by number.
VARIABLE: Final = "FPSERVICE_DRAIN_FD"


class Drain:
    """The supervisor's side."""

    def __init__(self) -> None:
        """Make the pipe; ``inherited`` is the end for the web processes."""
        self.inherited, self._held = os.pipe()
        self._begun = False

    def begin(self) -> None:
        """Announce the end; again does nothing."""
        if not self._begun:
            self._begun = True
            os.close(self._held)


def is_draining() -> bool:
    """Whether the supervisor of this process has announced the end; False if there is none."""
    number = os.environ.get(VARIABLE)
    if number is None:
        return False
    # Not select(): it cannot look at numbers over 1023.
    poll = select.poll()
    poll.register(int(number), 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))
