"""The internal interface: closed without the cluster secret, and what it does with it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.conftest import Start
from tests.installation import APPLICATION_KEY, Installation, recordings

SECRET = "between-us"
PATHS = (
    "create_account",
    "create_application",
    "update_application_status",
    "check_application",
    "lookup_stats",
    "update_lookup_stats",
    "update_user_agent_stats",
)


@pytest.fixture
def clustered(start: Start) -> Installation:
    return start(ACOUSTID_CLUSTER_SECRET=SECRET)


def call(clustered: Installation, what: str, /, **form: Any) -> dict[str, Any]:
    answer = clustered.client.post(
        f"/v2/internal/{what}", data={"secret": SECRET, "client": APPLICATION_KEY, **form}
    )
    assert answer.json is not None
    return answer.json


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("secret", ["", "wrong", SECRET + "x", "ž"])
def test_closed_without_the_secret(clustered: Installation, name: str, secret: str) -> None:
    assert call(clustered, name, secret=secret)["error"]["code"] == 12


@pytest.mark.parametrize("name", PATHS)
def test_closed_where_no_secret_is_configured(installation: Installation, name: str) -> None:
    for secret in ("", SECRET):
        assert call(installation, name, secret=secret)["error"]["code"] == 12


def test_an_account_gets_a_key_that_works(clustered: Installation) -> None:
    account = call(clustered, "create_account", name="newcomer")["account"]
    assert clustered.call("/v2/user/lookup", user=account["apikey"])["status"] == "ok"
    again = call(clustered, "create_account", name="newcomer")
    assert "taken" in again["error"]["message"]


def test_an_application_is_made_checked_and_switched_off(clustered: Installation) -> None:
    made = call(clustered, "create_application", name="Tagger", version="2", website="x.org")
    key = made["application"]["apikey"]
    checked = call(clustered, "check_application", client=key)["application"]
    assert (checked["name"], checked["active"]) == ("Tagger", True)
    assert clustered.call("/v2/submission_status", client=key)["status"] == "ok"
    assert call(clustered, "update_application_status", client=key, active=0)["status"] == "ok"
    assert clustered.call("/v2/submission_status", client=key)["error"]["code"] == 4
    assert call(clustered, "check_application", client=key)["application"]["active"] is False


def test_an_unknown_application(clustered: Installation) -> None:
    assert call(clustered, "check_application", client="nobody")["error"]["code"] == 17


def test_lookups_are_counted_by_the_hour(clustered: Installation) -> None:
    one = recordings()[0]
    clustered.submit(duration=one["duration"], fingerprint=one["fingerprint"], track="x")
    clustered.import_all()
    for number in range(3):
        clustered.call(
            "/v2/lookup", duration=one["duration"] + 50 * (number == 2),
            fingerprint=one["fingerprint"],
        )  # fmt: skip
    clustered.app.extensions["fpservice"].statistics.write()
    update = {"day": "2020-02-29", "hour": 23, "hits": 4, "misses": 5}
    for _ in range(2):
        assert call(clustered, "update_lookup_stats", **update)["status"] == "ok"
    [now] = call(clustered, "lookup_stats")["lookups"]
    assert (now["hits"], now["misses"]) == (2, 1)
    [then] = call(clustered, "lookup_stats", **{"from": "2020-02-01", "to": "2020-03-01"})[
        "lookups"
    ]
    assert then == {"day": "2020-02-29", "hour": 23, "hits": 8, "misses": 10}


@pytest.mark.parametrize(
    "wrong", [{"hour": 24}, {"day": "yesterday"}, {"hits": -1}, {"misses": "x"}]
)
def test_wrong_statistics_are_refused(clustered: Installation, wrong: dict[str, Any]) -> None:
    update = {"day": "2020-02-29", "hour": 23, "hits": 4, "misses": 5}
    assert "error" in call(clustered, "update_lookup_stats", **{**update, **wrong})


def test_user_agents_are_added_up(clustered: Installation) -> None:
    update = {"day": "2020-02-29", "user_agent": "tagger/1", "count": 7}
    assert call(clustered, "update_user_agent_stats", **update)["status"] == "ok"
    assert call(clustered, "update_user_agent_stats", **update)["status"] == "ok"
