"""The end of the service: traffic is sent away first, and nobody's request is cut off."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, text

from fpservice.services.demo import APPLICATION_KEY, USER_KEY, example
from tests.installation import fresh_fingerprint
from tests.served import Served
from tests.shapes import Shape, serving

DRAIN = 4
WAIT = 8
LONG_DRAIN = 100
# What `fpservice serve` does with signals is the same whatever the servers are.
in_vain = pytest.mark.parametrize(("shape", "served"), [("embedded", LONG_DRAIN)], indirect=True)


@pytest.fixture
def served(shape: Shape, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    """A service that imports nothing, so that whoever waits for an import waits to the end."""
    drain = getattr(request, "param", DRAIN)
    settings = {
        "ACOUSTID_GUNICORN_DRAIN": str(drain),
        "ACOUSTID_GUNICORN_WORKERS": "1",
        "ACOUSTID_GUNICORN_THREADS": "4",
    }
    demo = "--demo" if drain == DRAIN else "--no-demo"
    with serving(shape, tmp_path, "--no-worker", demo, **settings) as started:
        yield started


def lookup(served: Served) -> list[object]:
    track = example()
    form = {"client": APPLICATION_KEY, "fingerprint": track.fingerprint, "duration": track.duration}
    answer = requests.post(f"{served.url}/v2/lookup", data=form, timeout=5)
    return list(answer.json()["results"])


def submit_and_wait(served: Served) -> tuple[str, float]:
    """Return what the submission came to, and when that was said."""
    form = {"client": APPLICATION_KEY, "user": USER_KEY, "track": "New", "duration": 30}
    form |= {"fingerprint": fresh_fingerprint(1), "wait": WAIT}
    answer = requests.post(f"{served.url}/v2/submit", data=form, timeout=15)
    return answer.json()["submissions"][0]["status"], time.monotonic()


def test_health_says_no_while_requests_are_answered_and_the_last_one_is_finished(
    served: Served,
) -> None:
    with ThreadPoolExecutor(1) as executor:
        submission = executor.submit(submit_and_wait, served)
        time.sleep(0.5)
        os.kill(served.process.pid, signal.SIGTERM)
        told = time.monotonic()
        time.sleep(0.3)
        for path in ("/_health_ro", "/_health"):
            answer = requests.get(served.url + path, timeout=5)
            assert answer.status_code == 503
            assert answer.json()["checks"]["shutdown"]["status"] == "error"
        assert requests.get(f"{served.url}/_health_docker", timeout=5).status_code == 200
        assert len(lookup(served)) == 1
        assert time.monotonic() - told < DRAIN
        status, answered = submission.result(timeout=20)
        assert status == "pending"
        # The web process was told to end before this one was answered.
        assert answered - told > DRAIN + 0.5
        assert served.process.wait(15) == 0


@in_vain
def test_a_second_signal_ends_the_drain(served: Served) -> None:
    served.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert served.stop() == 0


@in_vain
def test_ctrl_c_is_not_put_off(served: Served) -> None:
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(30) == 0


def test_what_was_counted_is_written_at_the_end(served: Served, shape: Shape) -> None:
    for _ in range(3):
        lookup(served)
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(15) == 0
    engine = create_engine(shape.databases.app)
    with engine.connect() as connection:
        hits = connection.execute(text("SELECT sum(hits) FROM lookup_statistics")).scalar()
    engine.dispose()
    assert hits == 3
