"""What processes use, read in /proc: processor time and memory, by the part each plays."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICK_MS: Final = 1000.0 / os.sysconf("SC_CLK_TCK")
_SERVERS: Final = {
    "postgres": "PostgreSQL",
    "redis-server": "Redis",
    "nats-server": "NATS",
}
WEB: Final = "web"
IMPORTER: Final = "importer"
OTHER: Final = "other"


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes of a process: its share of everything, and what nobody else can use."""

    pss: float
    own: float


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    parents = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                parents[int(path.name)] = _stat(int(path.name))[0]
            except OSError:
                continue
    found, generation = [pid], [pid]
    while generation:
        generation = [child for child, parent in parents.items() if parent in generation]
        found += generation
    return found


def is_alive(pid: int) -> bool:
    """Whether a process does anything still; one that only waits to be looked after does not."""
    try:
        return _fields(pid)[0] not in ("Z", "X")
    except OSError:
        return False


def parts(pid: int, *, with_servers: bool = True) -> dict[int, str]:
    """Return what each process of a service does.

    ``with_servers``: with the databases, caches and queues that this process has started.
    """
    service = family(pid)
    found = {one: _part(one) for one in service}
    return {**found, **_servers()} if with_servers else found


def _servers() -> dict[int, str]:
    names = {one: _SERVERS.get(_name(one)) for one in family(os.getpid())}
    return {one: name for one, name in names.items() if name}


def cpu_ms(pid: int, *, with_servers: bool = True) -> dict[str, float]:
    """Return the processor time until now by part, that of children that ended included."""
    return _cpu_ms(parts(pid, with_servers=with_servers))


def servers_cpu_ms() -> dict[str, float]:
    """Return the processor time until now of the servers that this process has started."""
    return _cpu_ms(_servers())


def _cpu_ms(parts: dict[int, str]) -> dict[str, float]:
    times: dict[str, float] = defaultdict(float)
    for one, part in parts.items():
        try:
            times[part] += _TICK_MS * _stat(one)[1]
        except OSError:
            continue
    return dict(times)


def memory(pid: int) -> dict[str, list[Memory]]:
    """Return the memory of each process, by part."""
    found: dict[str, list[Memory]] = defaultdict(list)
    for one, part in sorted(parts(pid).items()):
        try:
            if is_alive(one):
                found[part].append(_memory(one))
        except OSError:
            continue
    return dict(found)


def _part(pid: int) -> str:
    command = _command(pid)
    if "gunicorn" in command:
        # The first gunicorn only looks after the others.
        return WEB if "gunicorn" in _command(_stat(pid)[0]) else OTHER
    return IMPORTER if "fpservice.cli worker" in command else OTHER


def _stat(pid: int) -> tuple[int, int]:
    """Return (parent, clock ticks of processor time)."""
    fields = _fields(pid)
    return int(fields[1]), sum(int(field) for field in fields[11:15])


def _fields(pid: int) -> list[str]:
    """Return what the system says of a process, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _memory(pid: int) -> Memory:
    kilobytes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        kilobytes[name] = int(rest.split()[0])
    own = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    # Pages of a mapped file are the file's, also while nobody else looks at them.
    own = min(own, kilobytes.get("Pss_Anon", own))
    return Memory(kilobytes["Pss"] / 1024, own / 1024)
