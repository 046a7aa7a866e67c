"""Work that gives way to whoever waits for an answer."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def give_way(niceness: int, pid: int | None = None) -> None:
    """Make a process, this one if None, as nice as ``niceness`` from 0 to 19; never less nice.

    Where Linux groups processes by their sessions (``sched_autogroup_enabled``, as on most desktops
    and many servers), how nice one is counts within its session only. So one that leads a session
    has the whole of it give way.
    """
    process = os.getpid() if pid is None else pid
    with suppress(OSError):
        os.setpriority(
            os.PRIO_PROCESS, process, max(niceness, os.getpriority(os.PRIO_PROCESS, process))
        )
        if os.getsid(process) == process:
            Path(f"/proc/{process}/autogroup").write_text(str(niceness), encoding="ascii")
