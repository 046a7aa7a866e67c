"""``/_metrics`` of a served installation: several processes, one answer, nothing lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from fpservice.services.demo import APPLICATION_KEY, USER_KEY, example
from tests.installation import fresh_fingerprint
from tests.prometheus import scrape, scrape_until
from tests.served import Served
from tests.services import free_port

STAGES = ("limit", "decode", "index", "fetch", "compare", "tracks", "metadata", "serialise")


def look_up(served: Served, text: str = "", **form: object) -> requests.Response:
    track = example()
    asked = {"client": APPLICATION_KEY, "duration": track.duration, "meta": "recordings", **form}
    # Each over a connection of its own, so that all processes get some.
    return requests.post(
        f"{served.url}/v2/lookup",
        data={**asked, "fingerprint": text or track.fingerprint},
        headers={"Connection": "close"},
        timeout=10,
    )


def submit(served: Served, seed: int) -> None:
    form = {"client": APPLICATION_KEY, "user": USER_KEY, "track": "New", "duration": 30}
    answer = requests.post(
        f"{served.url}/v2/submit", data={**form, "fingerprint": fresh_fingerprint(seed)}, timeout=10
    )
    assert answer.json()["status"] == "ok"


@contextmanager
def serving(folder: Path, *options: str, **more: str) -> Iterator[tuple[Served, int]]:
    port = free_port()
    variables = {
        "FPSERVICE_DATA": str(folder),
        "ACOUSTID_PROMETHEUS_LISTEN": f"127.0.0.1:{port}",
        "ACOUSTID_GUNICORN_WORKERS": "2",
        "ACOUSTID_WORKER_SWEEP_AFTER": "0.3",
        **more,
    }
    with Served.start(variables, *options) as served:
        yield served, port


def listener(served: Served) -> psutil.Process:
    family = psutil.Process(served.process.pid).children()
    [found] = [one for one in family if "fpservice.observability.listener" in one.cmdline()]
    return found


def test_counts_are_those_of_the_requests(tmp_path: Path) -> None:
    limits = {
        "ACOUSTID_CLUSTER_RATE_LIMITER_ENABLED": "true",
        "ACOUSTID_CLUSTER_RATE_LIMITER_GLOBAL_LIMIT": "100000",
    }
    with serving(tmp_path, **limits) as (served, port):
        for _ in range(12):
            assert look_up(served).json()["results"]
        for number in range(5):
            assert look_up(served, fresh_fingerprint(100 + number)).json()["results"] == []
        assert look_up(served, "nonsense").status_code == 400
        assert look_up(served, client="nobody").status_code == 400
        for number in range(3):
            submit(served, number)
        found = scrape_until(port, lambda now: now("imports_total", outcome="imported") == 3)
        assert found("requests_total", endpoint="v2.lookup", status="200") == 17
        assert found("requests_total", endpoint="v2.lookup", status="400") == 2
        assert found("requests_total", endpoint="v2.submit", status="200") == 3
        assert found("request_seconds_count", endpoint="v2.lookup") == 19
        assert found("errors_total", code="3") == 1
        assert found("errors_total", code="4") == 1
        assert found("searches_total") == 17
        assert found("search_hits_total") == 12
        assert found("search_misses_total") == 5
        assert found("submissions_total") == 3
        stages = {stage: found("lookup_stage_seconds_count", stage=stage) for stage in STAGES}
        # Every request of the three kinds asks the limiter; those that failed were read too.
        assert stages == {**dict.fromkeys(STAGES, 17), "limit": 22, "decode": 18, "tracks": 12}
        assert found("import_stage_seconds_count", stage="index") == 3
        assert found.total("import_seconds_count") >= 1
        reads = {
            outcome: found("cache_reads_total", cache="applications", storage="memory", outcome=o)
            for outcome, o in (("hit", "hit"), ("miss", "miss"))
        }
        assert sum(value or 0 for value in reads.values()) == 22
        # The importer, and those of the two web processes that had something to count.
        assert found("processes") in (2, 3)
        found = scrape_until(port, lambda now: now("outbox_waiting") == 0)
        assert found("outbox_oldest_seconds") == 0
        assert found("index_waiting") == 0
        secret = {APPLICATION_KEY, USER_KEY, "127.0.0.1", "nobody"}
        assert not secret & {value for _, value in found.labels()}


def test_refusals_are_counted_by_bucket(tmp_path: Path) -> None:
    limits = {
        "ACOUSTID_CLUSTER_RATE_LIMITER_ENABLED": "true",
        "ACOUSTID_CLUSTER_RATE_LIMITER_IP_LIMIT": "0.5",
        "ACOUSTID_GUNICORN_WORKERS": "1",
    }
    with serving(tmp_path, **limits) as (served, port):
        answers = [look_up(served).status_code for _ in range(12)]
        refused = answers.count(429)
        assert refused > 0
        found = scrape(port)
        assert found("rate_limit_refusals_total", bucket="ip") == refused
        assert found("requests_total", endpoint="v2.lookup", status="429") == refused
        assert found("errors_total", code="14") == refused


def test_processes_that_are_replaced_leave_their_counts_and_no_files(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-worker", ACOUSTID_GUNICORN_MAX_REQUESTS="5") as (served, port):
        pids = set()
        for _ in range(60):
            assert look_up(served).status_code == 200
            pids |= {one.pid for one in psutil.Process(served.process.pid).children(recursive=True)}
        assert len(pids) > 8
        # At most so many count at once: two processes, and two that are about to end.
        found = scrape_until(port, lambda now: (now("processes") or 9) <= 2)
        assert found("requests_total", endpoint="v2.lookup", status="200") == 60
        assert found("search_hits_total") == 60
        directory = Path(listener(served).cmdline()[-1])
        assert len(list(directory.iterdir())) <= 6
    assert not directory.exists()


def test_killed_processes_lose_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as (served, port):
        for _ in range(10):
            look_up(served)
        gone = listener(served)
        [web] = [
            one
            for one in psutil.Process(served.process.pid).children()
            if "gunicorn" in " ".join(one.cmdline())
        ]
        for worker in web.children():
            worker.send_signal(signal.SIGKILL)
        gone.send_signal(signal.SIGKILL)
        found = scrape_until(port, lambda now: now("searches_total") is not None)
        assert found("searches_total") == 10
        assert listener(served).pid != gone.pid


def test_the_public_port_tells_nothing_and_the_other_only_metrics(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-demo") as (served, port):
        assert requests.get(f"{served.url}/_metrics", timeout=10).status_code == 404
        other = f"http://127.0.0.1:{port}"
        assert requests.get(f"{other}/v2/lookup", timeout=10).status_code == 404
        assert requests.get(f"{other}/_metrics?x=1", timeout=10).status_code == 200
        assert requests.post(f"{other}/_metrics", timeout=10).status_code == 501


def test_clients_that_say_nothing_keep_nobody_waiting(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-demo") as (_, port):
        silent = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(20)]
        found = scrape_until(port, lambda now: now("processes") is not None)
        assert found("searches_total") == 0
        for one in silent:
            one.close()


def test_without_the_option_nothing_listens_or_is_kept(tmp_path: Path) -> None:
    with Served.start({"FPSERVICE_DATA": str(tmp_path)}, "--no-demo") as served:
        family = psutil.Process(served.process.pid).children(recursive=True)
        assert not [one for one in family if "fpservice.observability.listener" in one.cmdline()]
        opened = [file.path for one in family for file in one.open_files()]
        assert not [path for path in opened if "fpservice-metrics" in path]


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for command, option in ((["serve", "--no-demo"], "listen"), (["worker"], "worker_listen")):
            done = run_command(
                {
                    "FPSERVICE_DATA": str(tmp_path),
                    f"ACOUSTID_PROMETHEUS_{option.upper()}": address,
                    "ACOUSTID_GUNICORN_BIND": f"127.0.0.1:{free_port()}",
                },
                *command,
            )
            assert done.returncode == 1
            assert f"cannot listen on {address}" in done.stderr
            assert f"[prometheus] {option}" in done.stderr


def run_command(variables: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fpservice.cli", *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("value", ["9100", "127.0.0.1", "127.0.0.1:0", "a b:1", "::1:99999"])
def test_an_address_that_is_none_is_said(tmp_path: Path, value: str) -> None:
    done = run_command(
        {"FPSERVICE_DATA": str(tmp_path), "ACOUSTID_PROMETHEUS_LISTEN": value}, "serve"
    )
    assert done.returncode == 2
    assert "prometheus.listen must be an address and a port" in done.stderr


def test_a_worker_process_by_itself(tmp_path: Path) -> None:
    port = free_port()
    variables = {
        "FPSERVICE_DATA": str(tmp_path),
        "ACOUSTID_PROMETHEUS_WORKER_LISTEN": f"127.0.0.1:{port}",
        "ACOUSTID_WORKER_SWEEP_AFTER": "0.3",
    }
    with Served.start(variables, "--no-worker", "--demo") as served:
        worker = subprocess.Popen(
            [sys.executable, "-m", "fpservice.cli", "worker"], env={**os.environ, **variables}
        )
        try:
            for number in range(4):
                submit(served, number)
            found = scrape_until(port, lambda now: now("imports_total", outcome="imported") == 4)
            assert found("import_stage_seconds_count", stage="compare") == 4
            assert found("processes") == 1
            scrape_until(port, lambda now: now("index_waiting") == 0)
        finally:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(30) == 0
