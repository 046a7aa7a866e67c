"""What a served installation tells Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable

import requests
from prometheus_client.parser import text_string_to_metric_families

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Scraped:
    """All samples of one scrape."""

    def __init__(self, text: str) -> None:
        self._samples: Samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float | None:
        """Return one sample; the name is without prefix."""
        return self._samples.get((f"fpservice_{name}", tuple(sorted(labels.items()))))

    def __str__(self) -> str:
        """What a message of a test shows: no buckets, and nothing that is nought."""
        shown = {k: v for k, v in self._samples.items() if v and not k[0].endswith("_bucket")}
        return str(shown)

    def total(self, name: str) -> float:
        """Return the sum over all labels."""
        return sum(v for (n, _), v in self._samples.items() if n == f"fpservice_{name}")

    def labels(self) -> set[tuple[str, str]]:
        """Return all labels with their values."""
        return {label for _, labels in self._samples for label in labels}


def scrape(port: int) -> Scraped:
    """Ask for the metrics."""
    answer = requests.get(f"http://127.0.0.1:{port}/_metrics", timeout=10)
    answer.raise_for_status()
    assert answer.headers["Content-Type"].startswith("text/plain")
    return Scraped(answer.text)


def scrape_until(port: int, condition: Callable[[Scraped], bool], seconds: float = 20) -> Scraped:
    """Ask until the condition holds."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            scraped = scrape(port)
            if condition(scraped):
                return scraped
            seen = str(scraped)
        except requests.RequestException as error:
            seen = str(error)
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)
