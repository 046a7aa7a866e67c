"""All faults that must lose nothing and double nothing, each with the scenario that causes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.faults import server_faults as servers
from tests.faults import worker_faults as workers
from tests.faults.outcome import Outcome, outcome_of
from tests.faults.round import Round, opened_round
from tests.faults.site import NAMES, Site

BOTH = ("sqlite", "postgresql")
POSTGRESQL = ("postgresql",)
# Where a worker dies; with NATS or an index server where that is a step of its own.
_STEPS = (
    "taken",
    "after-locks",
    "fingerprint-stored",
    "change-queued",
    "before-fingerprint-commit",
    "after-fingerprint-commit",
    "between-result-and-outbox",
    "before-ingest-commit",
    "after-ingest-commit",
    "changes-read",
    "index-written",
    "index-told",
    "before-queue-commit",
    "change-gone",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: on which databases, and what a round of it ``needs`` beside them."""

    name: str
    scenario: Callable[[Round], None]
    backends: tuple[str, ...] = BOTH
    needs: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)

    def play(self, site: Site, backend: str, seed: int) -> Outcome:
        """Play one round; an assertion fails if it does not go as it should."""
        with opened_round(site, backend, self.needs, self.variables, seed) as round:
            self.scenario(round)
            return outcome_of(round)


def _faults() -> list[Fault]:
    nats, redis, index = (frozenset({name}) for name in ("nats", "redis", "index"))
    return [
        Fault("web-killed", workers.web_killed),
        *(Fault(f"killed-{step}", workers.killed_at(step)) for step in _STEPS),
        Fault("killed-before-ack", workers.killed_at("before-ack"), POSTGRESQL, nats),
        Fault("killed-index-server-told", workers.killed_at("index-told"), POSTGRESQL, index),
        Fault("killed-anywhere", workers.killed_anywhere),
        Fault("same-music-at-once", workers.same_music_at_once),
        Fault("delivered-five-times", workers.delivered_five_times, POSTGRESQL, nats),
        Fault("poison", workers.poison),
        Fault("poison-that-kills", workers.poison_that_kills),
        Fault("poison-that-kills-with-nats", workers.poison_that_kills, POSTGRESQL, nats),
        Fault("nats-down", servers.nats_down, POSTGRESQL, nats),
        Fault("nats-wiped", servers.nats_wiped, POSTGRESQL, nats),
        Fault("redis-down", servers.redis_down, POSTGRESQL, redis, servers.LIMITS),
        Fault("redis-wiped", servers.redis_wiped, POSTGRESQL, redis, servers.LIMITS),
        Fault("index-wiped", servers.index_wiped),
        Fault("index-server-down", servers.index_server_down, POSTGRESQL, index),
        Fault("index-server-wiped", servers.index_server_wiped, POSTGRESQL, index),
        Fault("index-server-deleted", servers.index_server_deleted, POSTGRESQL, index),
        Fault("disk-full", servers.disk_full),
        Fault("index-server-disk-full", servers.index_server_disk_full, POSTGRESQL, index),
        *(
            Fault(f"{name}-database-restarted", servers.database_restarted(name), POSTGRESQL)
            for name in NAMES
        ),
    ]


FAULTS = {fault.name: fault for fault in _faults()}
