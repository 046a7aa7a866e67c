"""``fpservice serve``: starts, says how to try it, restarts what dies, keeps its data, stops.

On the default shape alone: its supervisor runs the whole service there. ``test_stack`` does the
same with the production shape, whose parts others start.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from fpservice.services.demo import APPLICATION_KEY, USER_KEY, example
from tests.installation import fresh_fingerprint
from tests.served import Served


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service without data, for tests that leave it as it is."""
    variables = {"FPSERVICE_DATA": str(tmp_path_factory.mktemp("serve"))}
    with Served.start(variables, "--no-demo") as served:
        yield served


def children(served: Served, word: str) -> list[psutil.Process]:
    parent = psutil.Process(served.process.pid)
    return [one for one in parent.children() if word in one.cmdline()]


def printed_command(served: Served) -> list[str]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = re.search(r"^curl .*$", served.log.read_text(), re.M)
        if found:
            return shlex.split(found[0])
        time.sleep(0.1)
    raise AssertionError("no curl line was printed")


def lookup(served: Served, fingerprint: str, duration: int) -> list[dict[str, object]]:
    form = {"client": APPLICATION_KEY, "fingerprint": fingerprint, "duration": duration}
    answer = requests.post(f"{served.url}/v2/lookup", data=form, timeout=10)
    return list(answer.json()["results"])


def submit(served: Served, fingerprint: str) -> None:
    form = {"client": APPLICATION_KEY, "user": USER_KEY, "track": "New", "duration": 30}
    answer = requests.post(
        f"{served.url}/v2/submit", data={**form, "fingerprint": fingerprint}, timeout=10
    )
    assert answer.json()["status"] == "ok"


def wait_until_found(served: Served, fingerprint: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not lookup(served, fingerprint, 30):
        assert time.monotonic() < deadline, "not found in time"
        time.sleep(0.05)


def test_the_first_start_prints_a_line_that_finds_a_song_and_the_second_keeps_data(
    tmp_path: Path,
) -> None:
    variables = {"FPSERVICE_DATA": str(tmp_path)}
    with Served.start(variables) as served:
        output = subprocess.run(
            printed_command(served), capture_output=True, text=True, timeout=10, check=True
        ).stdout
        assert example().title in output
        submit(served, fresh_fingerprint(1))
        wait_until_found(served, fresh_fingerprint(1), 2)
        assert served.stop() == 0
    with Served.start(variables) as served:
        assert len(lookup(served, fresh_fingerprint(1), 30)) == 1
        assert len(lookup(served, example().fingerprint, example().duration)) == 1


def test_without_the_demo_there_is_nothing_and_no_key(running: Served) -> None:
    answer = requests.get(f"{running.url}/v2/lookup?client={APPLICATION_KEY}", timeout=10)
    assert answer.json()["error"]["code"] == 4


def test_a_killed_importer_is_started_again(tmp_path: Path) -> None:
    with Served.start({"FPSERVICE_DATA": str(tmp_path)}) as served:
        [importer] = children(served, "worker")
        importer.send_signal(signal.SIGKILL)
        submit(served, fresh_fingerprint(2))
        wait_until_found(served, fresh_fingerprint(2), 15)


def test_killing_the_supervisor_leaves_nothing_running(tmp_path: Path) -> None:
    with Served.start({"FPSERVICE_DATA": str(tmp_path)}) as served:
        family = psutil.Process(served.process.pid).children(recursive=True)
        assert len(family) >= 3
        os.kill(served.process.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(family, timeout=15)
        assert alive == []


def test_a_taken_port_is_said_in_one_line(tmp_path: Path, running: Served) -> None:
    port = running.url.rpartition(":")[2]
    second = subprocess.run(
        [*running.process.args[:3], "serve", "--port", port],  # type: ignore[index]
        env={**os.environ, "FPSERVICE_DATA": str(tmp_path / "other")},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert second.returncode != 0
    assert "cannot listen" in second.stderr


@pytest.mark.parametrize("path", ["/v2/nope", "/_health_docker"])
def test_answers_are_json_over_the_socket(running: Served, path: str) -> None:
    assert requests.get(running.url + path, timeout=10).json()["status"] in ("ok", "error")


def test_a_request_line_that_is_too_long_is_an_error_in_json(running: Served) -> None:
    answer = requests.get(f"{running.url}/v2/lookup?x={'y' * 9000}", timeout=10)
    assert answer.json()["error"]["code"] == 20
