"""One database is gone: what needs it says so in time, the rest goes on, and all comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from fpservice.bootstrap import build_api_keys
from tests.faults.clips import Clip, portions
from tests.faults.outcome import outcome_of
from tests.faults.round import Round, opened_round
from tests.faults.site import NAMES, Site

SEED = 1
SECONDS = 4.0
# A key that was not used yet, so that nobody remembers it.
NEW_KEY = "newApp1"

# Which requests cannot be answered without a database.
NEEDED_BY = {
    "app": {"lookup with a new key"},
    "fingerprint": {"lookup", "lookup with a new key", "submission_status"},
    "ingest": {"submit", "submission_status"},
}


@pytest.fixture
def round(site: Site) -> Iterator[Round]:
    """A running installation, with a worker and a few clips, on three servers."""
    with opened_round(site, "postgresql", frozenset(), {}, SEED) as opened:
        build_api_keys(opened.installed.parts).add_application("New", apikey=NEW_KEY)
        yield opened


@pytest.mark.parametrize("name", NAMES)
def test_a_stopped_database(round: Round, site: Site, name: str) -> None:
    first, second = portions(SEED, 2)
    worker = round.start()
    round.submit(first)
    round.wait_until(round.is_done)
    site.postgres[name].crash()
    try:
        assert unavailable(round, first[0], second.pop()) == NEEDED_BY[name]
        health = round.installed.client.get("/_health_ro")
        assert health.status_code == 503
        assert [
            one for one, check in health.get_json()["checks"].items() if check["status"] != "ok"
        ] == [f"database_{name}"]
        assert round.installed.client.get("/_health_docker").status_code == 200
    finally:
        site.postgres[name].start_again()
    # Nothing is started again but the database.
    round.wait_until(lambda: round.installed.client.get("/_health_ro").status_code == 200)
    assert unavailable(round, first[0], second.pop()) == set()
    round.submit(second)
    round.wait_until(round.is_done)
    round.end(worker)
    outcome = outcome_of(round)
    assert (outcome.imported, outcome.lost, outcome.doubled) == (outcome.accepted, 0, 0)


def unavailable(round: Round, known: Clip, new: Clip) -> set[str]:
    """Return the requests that are answered with error 13; the others must be answered well."""
    lookup = {"client": NEW_KEY, **known.lookup}
    ids = {"client": "testApp1", "id": round.accepted[known.number]}
    requests = {
        "lookup": ("/v2/lookup", {**lookup, "client": "testApp1"}),
        "lookup with a new key": ("/v2/lookup", lookup),
        "submission_status": ("/v2/submission_status", ids),
        "submit": ("/v2/submit", round.form(new)),
    }
    refused = set()
    for name, (path, form) in requests.items():
        started = time.monotonic()
        answer = round.installed.client.post(path, data=form)
        assert time.monotonic() - started < SECONDS
        if name == "submit":
            round.take(new, answer.status_code, answer.get_json())
        if answer.status_code == 503:
            assert answer.get_json()["error"]["code"] == 13
            assert int(answer.headers["Retry-After"]) > 0
            refused.add(name)
        else:
            assert answer.status_code == 200
            assert name != "lookup" or answer.get_json()["results"], "an empty answer is a lie"
    return refused
