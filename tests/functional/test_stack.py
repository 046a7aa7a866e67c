"""The whole production shape at once, over sockets: what is submitted here is found there."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from fpservice.services.demo import APPLICATION_KEY, USER_KEY, example
from tests.installation import fresh_fingerprint
from tests.services import free_port

ROOT = Path(__file__).parents[2]
START_SECONDS = 180
# In the part of MusicBrainz that the stack has.
MBID = "98955d91-27fc-4a6c-baf9-8cdb87491814"
TITLE = "Miss You"


@dataclass
class Stack:
    """A stack that runs; ``addresses`` of its web services, ``log`` all that it prints."""

    process: subprocess.Popen[bytes]
    addresses: list[str]
    log: Path

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def workers(self) -> list[psutil.Process]:
        return [one for one in self.family() if one.cmdline()[-2:] == ["fpservice.cli", "worker"]]

    def call(self, web: int, path: str, **form: Any) -> dict[str, Any]:
        answer = requests.post(
            self.addresses[web] + path, data={"client": APPLICATION_KEY, **form}, timeout=10
        )
        return dict(answer.json())

    def submit(self, web: int, fingerprint: str, **form: Any) -> dict[str, Any]:
        form = {"user": USER_KEY, "duration": 30, "fingerprint": fingerprint, **form}
        return self.call(web, "/v2/submit", **form)

    def lookup(self, web: int, fingerprint: str, **form: Any) -> list[dict[str, Any]]:
        answer = self.call(web, "/v2/lookup", duration=30, fingerprint=fingerprint, **form)
        return list(answer["results"])

    def wait_until_found(self, web: int, fingerprint: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.lookup(web, fingerprint):
            assert time.monotonic() < end, f"not found in time:\n{self.log.read_text()}"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    log = tmp_path_factory.mktemp("stack") / "stack.log"
    ports = [str(free_port()), str(free_port())]
    command = [sys.executable, "-m", "tests.stack", "--ports", *ports]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        started = Stack(process, [f"http://127.0.0.1:{port}" for port in ports], log)
        wait_for_greeting(started)
        yield started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(90)


def wait_for_greeting(stack: Stack) -> None:
    end = time.monotonic() + START_SECONDS
    while "\ncurl " not in stack.log.read_text():
        assert stack.process.poll() is None, stack.log.read_text()
        assert time.monotonic() < end, stack.log.read_text()
        time.sleep(0.1)


def test_the_line_it_prints_finds_a_song(stack: Stack) -> None:
    found = re.search(r"^curl .*$", stack.log.read_text(), re.M)
    assert found
    end = time.monotonic() + 30
    output = ""
    while example().title not in output and time.monotonic() < end:
        command = shlex.split(found[0])
        output = subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
    assert example().title in output


@pytest.mark.parametrize("path", ["/_health", "/_health_ro", "/_health_docker"])
def test_both_web_services_are_healthy(stack: Stack, path: str) -> None:
    for address in stack.addresses:
        answer = requests.get(address + path, timeout=5)
        assert answer.status_code == 200, answer.text


def test_health_looks_at_every_part(stack: Stack) -> None:
    checks = requests.get(f"{stack.addresses[0]}/_health", timeout=5).json()["checks"]
    databases = {f"database_{name}" for name in ("app", "fingerprint", "ingest", "musicbrainz")}
    assert {*databases, "index", "nats"} <= set(checks)


def test_what_one_takes_in_the_other_finds(stack: Stack) -> None:
    answer = stack.submit(0, fresh_fingerprint(1), mbid=MBID, wait=10)
    assert answer["submissions"][0]["status"] == "imported", answer
    stack.wait_until_found(1, fresh_fingerprint(1), 2)
    [result] = stack.lookup(1, fresh_fingerprint(1), meta="recordings")
    assert [(one["id"], one["title"]) for one in result["recordings"]] == [(MBID, TITLE)]


def test_a_killed_worker_is_not_missed_and_comes_back(stack: Stack) -> None:
    first, second = stack.workers()
    first.send_signal(signal.SIGKILL)
    for seed in range(10, 15):
        stack.submit(seed % 2, fresh_fingerprint(seed), track=f"Track {seed}")
    for seed in range(10, 15):
        stack.wait_until_found(0, fresh_fingerprint(seed), 15)
    assert second.is_running()
    end = time.monotonic() + 15
    while len(stack.workers()) < 2:
        assert time.monotonic() < end, "the worker was not started again"
        time.sleep(0.1)


def test_a_killed_web_process_comes_back(stack: Stack) -> None:
    killed = [one for one in stack.family() if "gunicorn" in one.cmdline()]
    for one in killed:
        one.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(killed, timeout=5)
    assert len(killed) == 4
    assert alive == []
    for web in (0, 1):
        end = time.monotonic() + 20
        while not is_up(stack, web):
            assert time.monotonic() < end, "the web service was not started again"
            time.sleep(0.1)


def is_up(stack: Stack, web: int) -> bool:
    try:
        return requests.get(f"{stack.addresses[web]}/_health", timeout=5).ok
    except requests.RequestException:
        return False


# The last test: it ends the stack.
def test_ctrl_c_leaves_nothing_behind(stack: Stack) -> None:
    family = stack.family()
    directories = {
        argument.removeprefix("--directory=")
        for one in family
        for argument in one.cmdline()
        if argument.startswith("--directory=")
    }
    assert len(directories) >= 3
    stack.process.send_signal(signal.SIGINT)
    assert stack.process.wait(60) == 0
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
    assert not any(Path(directory).exists() for directory in directories)
