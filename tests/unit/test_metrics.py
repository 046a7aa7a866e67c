"""Metrics, as a statsd server gets them."""

from __future__ import annotations

import logging
import re
import socket
import time
from collections.abc import Iterator

import pytest

from fpservice.config_options import StatsdOptions
from fpservice.interfaces import Metrics
from fpservice.observability.metrics import NullMetrics, StatsdMetrics


class Statsd:
    """A server that hands out the datagrams it gets."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(5)
        self.port: int = self._socket.getsockname()[1]

    def receive(self) -> str:
        return self._socket.recv(65536).decode()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Statsd]:
    server = Statsd()
    yield server
    server.close()


@pytest.fixture
def metrics(server: Statsd) -> Iterator[StatsdMetrics]:
    metrics = StatsdMetrics.from_options(StatsdOptions(host="127.0.0.1", port=server.port))
    yield metrics
    metrics.close()


def test_counter(server: Statsd, metrics: StatsdMetrics) -> None:
    metrics.count("searches")
    assert server.receive() == "acoustid.searches:1|c"
    metrics.count("hits", 20)
    assert server.receive() == "acoustid.hits:20|c"


def test_labels_are_part_of_the_name_in_one_order(server: Statsd, metrics: StatsdMetrics) -> None:
    metrics.count("requests", status="200", endpoint="lookup")
    metrics.count("requests", endpoint="lookup", status="200")
    assert server.receive() == "acoustid.requests.lookup.200:1|c"
    assert server.receive() == "acoustid.requests.lookup.200:1|c"


def test_labels_cannot_forge_metrics(server: Statsd, metrics: StatsdMetrics) -> None:
    metrics.count("requests", endpoint="/v2/lookup:9|c\nx.ä" + "y" * 100)
    received = server.receive()
    assert received.startswith("acoustid.requests._v2_lookup_9_c_x__yyy")
    assert received.endswith("y:1|c")
    assert len(received) < 100


def test_gauge(server: Statsd, metrics: StatsdMetrics) -> None:
    metrics.gauge("outbox_age", 2.5, database="ingest")
    assert server.receive() == "acoustid.outbox_age.ingest:2.5|g"


def test_durations_are_sent_in_milliseconds(server: Statsd, metrics: StatsdMetrics) -> None:
    metrics.observe("stage", 0.25, stage="decode")
    assert server.receive() == "acoustid.stage.decode:250.000000|ms"


def test_timed(server: Statsd, metrics: StatsdMetrics) -> None:
    def fail_after_20_ms() -> None:
        with metrics.timed("stage", stage="fetch"):
            time.sleep(0.02)
            raise KeyError

    with pytest.raises(KeyError):
        fail_after_20_ms()
    sent = re.fullmatch(r"acoustid\.stage\.fetch:([0-9.]+)\|ms", server.receive())
    assert sent is not None
    assert 20 <= float(sent.group(1)) < 2000


def test_no_server_and_no_prefix(server: Statsd) -> None:
    metrics = StatsdMetrics("127.0.0.1", server.port, "")
    metrics.count("searches")
    assert server.receive() == "searches:1|c"
    server.close()
    for _ in range(3):
        metrics.count("searches")
    metrics.close()
    metrics.count("searches")


def test_an_unknown_host_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        metrics = StatsdMetrics("no host\x00", 8125, "acoustid")
    metrics.count("searches")
    metrics.gauge("lag", 1)
    with metrics.timed("stage"):
        pass
    assert len(caplog.records) == 1


def test_null_metrics_run_the_block() -> None:
    metrics = NullMetrics()
    metrics.count("requests", endpoint="lookup")
    metrics.gauge("lag", 1.0)
    metrics.observe("stage", 0.1, stage="fetch")
    ran = False
    with metrics.timed("stage", stage="fetch"):
        ran = True
    assert ran


def test_both_are_metrics(metrics: StatsdMetrics) -> None:
    both: list[Metrics] = [metrics, NullMetrics()]
    assert len(both) == 2
