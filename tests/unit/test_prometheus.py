"""Metrics that are kept for Prometheus: what is counted, by which processes, and for how long."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fpservice.observability import metrics_directory as directories
from fpservice.observability.exposition import exposition
from fpservice.observability.metric_table import BOUNDS, FAMILIES, SOURCES, Kind
from fpservice.observability.metrics import NullMetrics, RenamedMetrics, SeveralMetrics
from fpservice.observability.metrics_directory import Totals, metrics_directory
from fpservice.observability.prometheus import PrometheusMetrics
from tests.counted_metrics import CountedMetrics

ROOT = Path(__file__).parents[2]


def told(directory: Path) -> dict[str, float]:
    """Return all samples as Prometheus reads them, by ``name{label=value,…}``."""
    text = exposition(Totals(directory)).decode()
    return {
        f"{sample.name}{{{','.join(f'{k}={v}' for k, v in sorted(sample.labels.items()))}}}": (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def run(directory: Path, code: str) -> subprocess.Popen[bytes]:
    """Start a process that counts, and wait until it says that it has."""
    head = (
        "import sys, time; from pathlib import Path\n"
        "from fpservice.observability.prometheus import PrometheusMetrics\n"
        f"metrics = PrometheusMetrics(Path({str(directory)!r}))\n"
    )
    tail = "\nprint('counted', flush=True); time.sleep(600)"
    process = subprocess.Popen(
        [sys.executable, "-c", head + code + tail], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"counted\n"
    return process


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate(timeout=10)


@pytest.fixture
def directory() -> Iterator[Path]:
    with metrics_directory() as made:
        yield made


@pytest.fixture
def metrics(directory: Path) -> PrometheusMetrics:
    return PrometheusMetrics(directory)


def test_counters(directory: Path, metrics: PrometheusMetrics) -> None:
    metrics.count("submissions", 3)
    metrics.count("submissions")
    metrics.count("requests", endpoint="v2.lookup", status="200")
    metrics.count("cache.hits", cache="applications", storage="memory")
    found = told(directory)
    assert found["fpservice_submissions_total{}"] == 4
    assert found["fpservice_requests_total{endpoint=v2.lookup,status=200}"] == 1
    hits = "fpservice_cache_reads_total{cache=applications,outcome=hit,storage=memory}"
    assert found[hits] == 1
    assert found["fpservice_processes{}"] == 1


def test_counters_without_labels_are_there_from_the_beginning(directory: Path) -> None:
    found = told(directory)
    assert found["fpservice_searches_total{}"] == 0
    assert found["fpservice_processes{}"] == 0


def test_the_order_of_labels_does_not_count(directory: Path, metrics: PrometheusMetrics) -> None:
    metrics.count("requests", endpoint="a", status="b")
    metrics.count("requests", status="b", endpoint="a")
    metrics.count("requests", endpoint="b", status="a")
    found = told(directory)
    assert found["fpservice_requests_total{endpoint=a,status=b}"] == 2
    assert found["fpservice_requests_total{endpoint=b,status=a}"] == 1


def test_histograms(directory: Path, metrics: PrometheusMetrics) -> None:
    for seconds in (0.00005, BOUNDS[0], 0.3, 99.0):
        metrics.observe("lookup.index", seconds)
    found = told(directory)
    name = "fpservice_lookup_stage_seconds"
    assert found[f"{name}_count{{stage=index}}"] == 4
    assert found[f"{name}_sum{{stage=index}}"] == pytest.approx(99.30015)
    expected = {"0.0001": 2, "0.25": 2, "0.5": 3, "30.0": 3, "+Inf": 4}
    for bound, number in expected.items():
        assert found[f"{name}_bucket{{le={bound},stage=index}}"] == number


def test_a_block_that_raises_is_timed(directory: Path, metrics: PrometheusMetrics) -> None:
    def fail() -> None:
        with metrics.timed("metadata.read", provider="musicbrainz"):
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert told(directory)["fpservice_metadata_read_seconds_count{provider=musicbrainz}"] == 1


def test_gauges(directory: Path, metrics: PrometheusMetrics) -> None:
    metrics.gauge("breaker.open", 1.0, part="redis")
    metrics.gauge("breaker.open", 0.0, part="redis")
    metrics.gauge("outbox.oldest", 12.5)
    found = told(directory)
    assert found["fpservice_breaker_open{part=redis}"] == 0
    assert found["fpservice_outbox_oldest_seconds{}"] == 12.5


def test_what_is_no_metric_is_said_once_and_goes_nowhere(
    directory: Path, metrics: PrometheusMetrics, caplog: pytest.LogCaptureFixture
) -> None:
    before = told(directory)
    metrics.count("nothing")
    metrics.count("requests", endpoint="a")
    metrics.count("submissions", ip="192.0.2.1")
    assert len(caplog.records) == 1
    assert told(directory) == before


def test_there_are_not_too_many_series(directory: Path, metrics: PrometheusMetrics) -> None:
    for number in range(5000):
        metrics.count("requests", endpoint=f"e{number}", status="200")
        metrics.observe("request", 0.1, endpoint=f"e{number}")
    metrics.count("requests", endpoint="e0", status="200")
    found = told(directory)
    assert found["fpservice_requests_total{endpoint=e0,status=200}"] == 2
    assert len([name for name in found if "_requests_total" in name]) < 2000
    assert sum(path.stat().st_size for path in directory.iterdir()) < 200_000


def test_a_directory_that_is_gone_does_not_fail_anybody(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = PrometheusMetrics(directory / "gone")
    metrics.count("submissions")
    with metrics.timed("import"):
        metrics.gauge("outbox.waiting", 1)
    assert len(caplog.records) == 1


def test_threads_lose_nothing(directory: Path, metrics: PrometheusMetrics) -> None:
    def work() -> None:
        for _ in range(5000):
            metrics.count("submissions")
            metrics.observe("import", 0.01)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = told(directory)
    assert found["fpservice_submissions_total{}"] == 20_000
    assert found["fpservice_import_seconds_count{}"] == 20_000


def test_a_fork_counts_by_itself(directory: Path, metrics: PrometheusMetrics) -> None:
    metrics.count("submissions")
    child = os.fork()
    if not child:
        metrics.count("submissions", 10)
        os._exit(0)
    os.waitpid(child, 0)
    metrics.count("submissions", 100)
    assert len(list(directory.glob("values-*"))) == 2
    assert told(directory)["fpservice_submissions_total{}"] == 111


def test_processes_are_added_up_also_when_they_have_ended(directory: Path) -> None:
    code = "metrics.count('submissions', 5); metrics.observe('import', 0.2)"
    processes = [run(directory, code) for _ in range(3)]
    for number, process in enumerate(processes, 1):
        found = told(directory)
        assert found["fpservice_submissions_total{}"] == 15
        assert found["fpservice_import_seconds_count{}"] == 3
        assert found["fpservice_processes{}"] == 4 - number
        kill(process)
    assert told(directory)["fpservice_submissions_total{}"] == 15
    assert {path.name for path in directory.iterdir()} == {"owner", "ended.json"}
    last = run(directory, "metrics.count('submissions')")
    assert told(directory)["fpservice_submissions_total{}"] == 16
    kill(last)


def test_gauges_of_processes(directory: Path) -> None:
    first = run(
        directory,
        "metrics.gauge('breaker.open', 1.0, part='redis'); metrics.gauge('index.waiting', 9)",
    )
    second = run(
        directory,
        "metrics.gauge('breaker.open', 0.0, part='redis'); metrics.gauge('index.waiting', 2)",
    )
    found = told(directory)
    assert found["fpservice_breaker_open{part=redis}"] == 1
    assert found["fpservice_index_waiting{}"] == 2
    kill(first)
    assert told(directory)["fpservice_breaker_open{part=redis}"] == 0
    kill(second)
    assert "fpservice_index_waiting{}" not in told(directory)


def test_folding_that_was_broken_off_adds_nothing_twice(directory: Path) -> None:
    process = run(directory, "metrics.count('submissions', 7)")
    kill(process)
    [path] = directory.glob("values-*")
    shutil.copy(path, directory / "kept")
    assert told(directory)["fpservice_submissions_total{}"] == 7
    (directory / "kept").rename(path)
    assert json.loads((directory / "ended.json").read_text())["files"] == [path.name]
    assert told(directory)["fpservice_submissions_total{}"] == 7
    assert not path.exists()


def test_a_directory_goes_with_its_service(directory: Path) -> None:
    with metrics_directory() as other:
        assert other != directory
        assert other.is_dir()
    assert not other.exists()
    assert directory.is_dir()


def test_a_directory_that_a_killed_service_left_goes_at_the_next_start(directory: Path) -> None:
    code = (
        "import time\nfrom fpservice.observability.metrics_directory import metrics_directory\n"
        "with metrics_directory() as path: print(path, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    left = Path(process.stdout.readline().decode().strip())
    with metrics_directory():
        assert left.is_dir()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert left.is_dir()
    with metrics_directory():
        assert not left.exists()
        assert directory.is_dir()


def test_a_directory_that_is_just_being_made_is_left_alone(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = directory.with_name(f"{directory.name}-new")
    new.mkdir()
    with metrics_directory():
        assert new.is_dir()
    long_ago = time.time() - 3600
    os.utime(new, (long_ago, long_ago))
    with metrics_directory():
        assert not new.exists()


def test_a_value_file_is_locked_for_as_long_as_somebody_counts(
    directory: Path, metrics: PrometheusMetrics
) -> None:
    metrics.count("submissions")
    [path] = directory.glob("values-*")
    with path.open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_several_metrics_at_once(directory: Path, metrics: PrometheusMetrics) -> None:
    other = CountedMetrics()
    both = SeveralMetrics([metrics, other])
    both.count("requests", endpoint="a", status="200")
    both.gauge("outbox.waiting", 4)
    with both.timed("import"):
        pass
    both.observe("lookup.index", 0.1)
    found = told(directory)
    assert found["fpservice_requests_total{endpoint=a,status=200}"] == 1
    assert found["fpservice_outbox_waiting{}"] == 4
    assert found["fpservice_import_seconds_count{}"] == 1
    assert found["fpservice_lookup_stage_seconds_count{stage=index}"] == 1
    assert other.counts["requests.a.200"] == 1
    assert other.gauges["outbox.waiting"] == 4


def test_searches_of_imports_have_names_of_their_own(
    directory: Path, metrics: PrometheusMetrics
) -> None:
    renamed = RenamedMetrics(metrics, "lookup.", "import.")
    with renamed.timed("lookup.index"):
        pass
    renamed.observe("lookup.fetch", 0.1)
    renamed.count("submissions")
    renamed.gauge("outbox.waiting", 1)
    found = told(directory)
    assert found["fpservice_import_stage_seconds_count{stage=index}"] == 1
    assert found["fpservice_import_stage_seconds_count{stage=fetch}"] == 1
    assert found["fpservice_submissions_total{}"] == 1
    assert found["fpservice_outbox_waiting{}"] == 1


def test_one_block_for_all_that_is_not_timed() -> None:
    metrics = NullMetrics()
    assert metrics.timed("a") is metrics.timed("b", c="d")


METHODS = {"count", "gauge", "observe", "timed"}


def calls() -> list[tuple[str, str, set[str]]]:
    """Return each call of a metric in the sources: place, name, names of labels."""
    found = []
    for path in sorted((ROOT / "fpservice").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr not in METHODS or not node.args:
                continue
            of = ast.unparse(node.func.value).lower()
            name = node.args[0]
            if "metrics" in of and isinstance(name, ast.Constant):
                labels = {keyword.arg or "" for keyword in node.keywords}
                found.append((f"{path.name}:{node.lineno}", str(name.value), labels))
    return found


def test_every_metric_of_the_code_is_known_with_its_labels() -> None:
    assert len(calls()) > 20
    for place, name, labels in calls():
        assert name in SOURCES, place
        source = SOURCES[name]
        assert labels | set(source.given) == set(source.family.labels), place


def test_names_of_families() -> None:
    for family in FAMILIES.values():
        assert family.full_name.startswith("fpservice_")
        assert not family.name.endswith("_total")
        assert family.name.endswith("_seconds") or family.kind is not Kind.HISTOGRAM
        assert not {"ip", "address", "key", "client", "user", "apikey"} & set(family.labels)


def test_every_metric_is_in_the_page_about_operations() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `fps")}
    names = {
        f"{family.full_name}{'_total' if family.kind is Kind.COUNTER else ''}": family
        for family in FAMILIES.values()
    }
    assert set(rows) == {*names, "fpservice_processes"}
    for name, family in names.items():
        kind = family.kind.value if family.kind in (Kind.COUNTER, Kind.HISTOGRAM) else "gauge"
        assert f"| {kind} |" in rows[name]
        assert all(f"`{label}`" in rows[name] for label in family.labels)


def test_the_variable_is_no_option() -> None:
    assert not directories.VARIABLE.startswith("ACOUSTID_")
