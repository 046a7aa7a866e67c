"""One round: clips are submitted while something goes wrong, until all are imported."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from fpservice.bootstrap import build_indexing, build_submission
from fpservice.db.ingest.tables import submission
from fpservice.domain.errors import SearchUnavailableError
from tests.faults.clips import Clip
from tests.faults.nursery import Child
from tests.faults.site import Site
from tests.installation import APPLICATION_KEY, USER_KEY, Installation, environment, install

DEADLINE = 40.0
_AFTER_REFUSAL = 0.3
_LOOK_SECONDS = 0.05


class Round:
    """What a scenario works with."""

    def __init__(self, site: Site, installed: Installation, room: Path, seed: int) -> None:
        """Submit to ``installed``, whose variables are those of the children too."""
        self.site = site
        self.installed = installed
        self.room = room
        self.seed = seed
        self.rng = random.Random(seed)
        self.variables: dict[str, str] = {}
        # By the number of the clip: what was sent, and what was answered with an id.
        self.sent: dict[int, Clip] = {}
        self.accepted: dict[int, int] = {}
        # Those that are not to be imported, by number.
        self.poison: set[int] = set()
        # What is to last as long as the round.
        self.lasting = ExitStack()
        self._children: list[Child] = []
        self._submission = build_submission(installed.parts)
        self._indexing = build_indexing(installed.parts)

    @property
    def log(self) -> Path:
        """Where the children write what they have to say."""
        return self.room / "children.log"

    def submit(self, clips: Iterable[Clip], pause: float = 0.0) -> None:
        """Submit clips one by one, with a pause after each; see ``take``."""
        for clip in clips:
            answer = self.installed.client.post("/v2/submit", data=self.form(clip))
            self.take(clip, answer.status_code, answer.get_json())
            # Most clips are to come at a time at which they can be stored.
            time.sleep(pause if clip.number in self.accepted else _AFTER_REFUSAL)

    def form(self, clip: Clip) -> dict[str, Any]:
        """Return what is posted to submit a clip, and note that it was sent."""
        self.sent[clip.number] = clip
        return {"client": APPLICATION_KEY, "user": USER_KEY, **clip.form}

    def take(self, clip: Clip, status: int, body: dict[str, Any]) -> None:
        """Note an answer: the id of a submission, or that it could not be stored now."""
        if status == 200:
            self.accepted[clip.number] = body["submissions"][0]["id"]
        else:
            assert (status, body["error"]["code"]) == (503, 13), body

    @contextmanager
    def sending(self, clips: Iterable[Clip], pause: float) -> Iterator[None]:
        """Submit clips while the block runs, and to their end."""
        with ThreadPoolExecutor(1) as executor:
            sent = executor.submit(self.submit, clips, pause)
            yield
            sent.result()

    def start(self, program: str = "worker", **how: Any) -> Child:
        """Start a process of the service; ``how`` as in ``Nursery.start``."""
        child = self.site.nursery.start(program, self.variables, self.log, **how)
        self._children.append(child)
        return child

    def end(self, child: Child, *, by_kill: bool = False) -> None:
        """End a process: as an operator does, or with ``kill -9``."""
        self._children.remove(child)
        if by_kill:
            child.kill()
            child.wait()
        else:
            child.stop()

    def wait_for_death(self, child: Child) -> None:
        """Wait until a process has killed itself."""
        assert self.died(child, DEADLINE), "it did not come to the step at which it was to die"

    def died(self, child: Child, seconds: float) -> bool:
        """Return whether a process kills itself within so many seconds."""
        status = child.wait(seconds)
        if status is None:
            return False
        self._children.remove(child)
        assert status == -9, f"it ended with status {status}:\n{self.log.read_text()[-4000:]}"
        return True

    def wait_until(self, is_so: Callable[[], bool], seconds: float = DEADLINE) -> None:
        """Wait for a condition; that databases do not answer means that it is not met."""
        deadline = time.monotonic() + seconds
        while not self._holds(is_so):
            assert time.monotonic() < deadline, f"too late; {self._state()}"
            time.sleep(_LOOK_SECONDS)

    def waiting(self) -> int:
        """Return how many submissions wait for their import."""
        return self._submission.pending()

    def is_done(self) -> bool:
        """Whether nothing waits: no submission, and no change for the index."""
        return not self._submission.pending() and not self._indexing.waiting()

    def settle(self, workers: int = 1) -> None:
        """Have healthy workers import what is left."""
        children = [self.start() for _ in range(workers)]
        self.wait_until(self.is_done)
        for child in children:
            self.end(child)

    def close(self) -> None:
        """End what is left of the round."""
        for child in self._children:
            child.kill()
            child.wait()
        self._submission.close()
        self.installed.app.extensions["fpservice"].submission.close()
        self.installed.parts.close()
        self.lasting.close()

    def stored(self) -> dict[int, str]:
        """Return the state of each submission that is stored, by the number of its clip."""
        with self.installed.parts.databases.ingest.reading() as connection:
            rows = connection.execute(select(submission.c.application_version, submission.c.state))
            stored = {int(version): state for version, state in rows}
            number = connection.execute(select(func.count()).select_from(submission)).scalar_one()
        assert len(stored) == number, "a submission was stored twice"
        return stored

    def _holds(self, is_so: Callable[[], bool]) -> bool:
        try:
            return is_so()
        except SearchUnavailableError:
            return False

    def _state(self) -> str:
        log = self.log.read_text()[-4000:] if self.log.exists() else ""
        try:
            left = f"{self._submission.pending()} submissions, {self._indexing.waiting()} changes"
        except SearchUnavailableError as error:
            left = str(error)
        return f"{left} are waiting\n{log}"


@contextmanager
def opened_round(
    site: Site, backend: str, needs: frozenset[str], more: Mapping[str, str], seed: int
) -> Iterator[Round]:
    """Yield a round on empty databases.

    ``needs`` names what it has beside them: nats, redis or index; ``more`` are variables of it.
    """
    with site.room() as room:
        variables = {**_variables(site, backend, room), **more}
        if "nats" in needs:
            variables["ACOUSTID_NATS_SERVERS"] = site.nats.url
            # What an earlier round has announced under the same numbers is no duplicate.
            variables["ACOUSTID_NATS_STREAM"] = f"round_{site.rounds}"
        if "redis" in needs:
            variables["ACOUSTID_REDIS_URL"] = site.redis_url()
        if "index" in needs:
            variables["ACOUSTID_FINGERPRINT_INDEX_URL"] = site.served_index().url
            variables["ACOUSTID_FINGERPRINT_INDEX_NAME"] = f"round-{site.rounds}"
        one = Round(site, install(variables), room, seed)
        one.variables = variables
        try:
            yield one
        finally:
            one.close()


def _variables(site: Site, backend: str, room: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        **environment(site.databases(backend), room),
        "ACOUSTID_CONFIG": "/dev/null",
        "ACOUSTID_WORKER_POLL_INTERVAL": "0.05",
        # Small, so that a round has several batches.
        "ACOUSTID_WORKER_BATCH_SIZE": "5",
        "ACOUSTID_WORKER_RETRY_DELAY": "0.05",
        "ACOUSTID_WORKER_MAX_ATTEMPTS": "3",
        "ACOUSTID_WORKER_SWEEP_AFTER": "0.5",
        "ACOUSTID_NATS_ACK_WAIT": "1",
    }
