"""A database hangs: nobody waits for longer than the limits say, and all goes on afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from tests.faults.clips import Clip, portions
from tests.faults.outcome import outcome_of
from tests.faults.round import Round, opened_round
from tests.faults.site import Site

SEED = 3
SECONDS = 5.0
HEALTH_SECONDS = 2.0
ASKING = 4


@pytest.fixture
def round(site: Site, tmp_path: Path) -> Iterator[Round]:
    """A running installation on three servers."""
    heartbeat = str(tmp_path / "heartbeat")
    more = {"ACOUSTID_WORKER_HEARTBEAT": heartbeat}
    with opened_round(site, "postgresql", frozenset(), more, SEED) as opened:
        yield opened


def lookup(round: Round, clip: Clip) -> TestResponse:
    form = {"client": "testApp1", **clip.lookup}
    return round.installed.app.test_client().post("/v2/lookup", data=form)


def get(round: Round, page: str) -> TestResponse:
    return round.installed.app.test_client().get(page)


def test_lookups_while_the_database_hangs(round: Round, site: Site) -> None:
    [clips] = portions(SEED, 1)
    worker = round.start()
    round.submit(clips)
    round.wait_until(round.is_done)
    asking = threading.Event()
    refused: list[TestResponse] = []

    def ask() -> None:
        # Until one of them is hit, in the middle of it or not.
        while not asking.is_set():
            started = time.monotonic()
            answer = lookup(round, clips[0])
            assert time.monotonic() - started < SECONDS
            if answer.status_code != 200:
                refused.append(answer)
                return
            assert answer.get_json()["results"], "an empty answer is a lie"

    with ThreadPoolExecutor(ASKING) as executor:
        asked = [executor.submit(ask) for _ in range(ASKING)]
        time.sleep(0.3)
        with site.postgres["fingerprint"].hanging():
            assert hanging(round) == ["database_fingerprint"]
            for one in asked:
                one.result(2 * SECONDS)
    assert len(refused) == ASKING
    for answer in refused:
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, 13)
        assert int(answer.headers["Retry-After"]) > 0
    # Nothing is started again.
    round.wait_until(lambda: get(round, "/_health_ro").status_code == 200)
    assert lookup(round, clips[0]).get_json()["results"]
    round.end(worker)


def test_submissions_while_the_database_hangs(round: Round, site: Site) -> None:
    [clips] = portions(SEED, 1)

    def submit(clip: Clip) -> TestResponse:
        form = round.form(clip)
        started = time.monotonic()
        answer = round.installed.app.test_client().post("/v2/submit", data=form)
        assert time.monotonic() - started < SECONDS
        return answer

    assert submit(clips[0]).status_code == 200
    with ThreadPoolExecutor(ASKING) as executor, site.postgres["ingest"].hanging():
        # One of them writes, the others wait for it.
        answers = list(executor.map(submit, [clips[0]] * ASKING))
    assert {(one.status_code, one.get_json()["error"]["code"]) for one in answers} == {(503, 13)}
    assert submit(clips[0]).status_code == 200


@pytest.mark.parametrize("name", ["fingerprint", "ingest"])
def test_imports_go_on_after_a_database_hung(round: Round, site: Site, name: str) -> None:
    first, second, third = portions(SEED, 3)
    worker = round.start(step="after-locks", linger=0.05)
    with round.sending(first, 0.02):
        time.sleep(0.2)
        with site.postgres[name].hanging():
            round.submit(second[:1])
            time.sleep(SECONDS)
            begun = time.time()
            assert f"database_{name}" in hanging(round)
    round.submit(third)
    round.wait_until(round.is_done)
    assert Path(round.variables["ACOUSTID_WORKER_HEARTBEAT"]).stat().st_mtime > begun
    round.end(worker)
    outcome = outcome_of(round)
    assert (outcome.imported, outcome.lost, outcome.doubled) == (outcome.accepted, 0, 0)


def test_health_pages_do_not_pile_up(round: Round, site: Site) -> None:
    before = set(threading.enumerate())
    with site.postgres["ingest"].hanging():
        for page in ("/_health", "/_health_ro") * 2:
            with ThreadPoolExecutor(ASKING) as executor:
                for answer in executor.map(lambda page: get(round, page), [page] * ASKING):
                    assert answer.status_code == 503
        checks = get(round, "/_health").get_json()["checks"]
        threads = set(threading.enumerate()) - before
        assert len([one for one in threads if one.name.startswith("health")]) <= len(checks)
    round.wait_until(lambda: get(round, "/_health").status_code == 200)


def hanging(round: Round) -> list[str]:
    """Return the parts that do not answer, which the page has to say in time."""
    started = time.monotonic()
    health = get(round, "/_health_ro")
    assert time.monotonic() - started < HEALTH_SECONDS
    checks = health.get_json()["checks"]
    assert health.status_code == 503
    return [name for name, check in checks.items() if check["status"] != "ok"]
