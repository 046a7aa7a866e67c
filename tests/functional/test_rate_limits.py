"""Requests over a limit are refused with 429; the rest are told what is left."""

from __future__ import annotations

import pytest

from fpservice.config_options import RateLimiterOptions
from tests.functional.conftest import Start
from tests.installation import APPLICATION_KEY, Installation


@pytest.fixture
def limited(start: Start) -> Start:
    def limited(**options: str) -> Installation:
        settings = {
            f"ACOUSTID_CLUSTER_RATE_LIMITER_{name.upper()}": value
            for name, value in {"enabled": "true", **options}.items()
        }
        return start(**settings)

    return limited


def statuses(installed: Installation, number: int, **headers: str) -> list[int]:
    return [
        installed.client.get(
            f"/v2/submission_status?client={APPLICATION_KEY}", headers=headers
        ).status_code
        for _ in range(number)
    ]


@pytest.mark.parametrize("limit", ["global_limit", "application_limit", "ip_limit"])
def test_each_bucket_refuses(limited: Start, limit: str) -> None:
    installed = limited(**{limit: "0.5"})
    assert statuses(installed, 7) == [200] * 5 + [429] * 2
    refused = installed.client.get(f"/v2/submission_status?client={APPLICATION_KEY}")
    assert refused.json is not None
    assert refused.json["error"]["code"] == 14
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["X-RateLimit-Remaining"] == "0"


def test_what_is_left_is_told(limited: Start) -> None:
    installed = limited(ip_limit="1")
    answer = installed.client.get(f"/v2/submission_status?client={APPLICATION_KEY}")
    assert answer.headers["X-RateLimit-Limit"] == "1"
    assert answer.headers["X-RateLimit-Remaining"] == "9"
    assert 0 < int(answer.headers["X-RateLimit-Reset"]) <= 10


def test_exceptions_count_for_their_application_and_address(limited: Start) -> None:
    installed = limited(application_limit="0.1", application_1="100", **{"ip_127.0.0.1": "100"})
    assert statuses(installed, 20) == [200] * 20


def test_forwarded_addresses_count_only_behind_trusted_proxies(limited: Start) -> None:
    installed = limited(ip_limit="0.1", trusted_proxies="1")
    several = [
        statuses(installed, 1, **{"X-Forwarded-For": f"10.9.9.9, 10.0.0.{number}"})[0]
        for number in range(5)
    ]
    same = statuses(installed, 2, **{"X-Forwarded-For": "10.0.0.1"})
    assert several == [200] * 5
    assert same == [429, 429]


def test_a_forged_address_does_not_help_without_proxies(limited: Start) -> None:
    installed = limited(ip_limit="0.1")
    forged = [
        statuses(installed, 1, **{"X-Forwarded-For": f"10.0.0.{number}"})[0] for number in range(3)
    ]
    assert forged == [200, 429, 429]


def test_health_is_never_limited(limited: Start) -> None:
    installed = limited(global_limit="0.1")
    assert [installed.client.get("/_health_ro").status_code for _ in range(5)] == [200] * 5


def test_limits_that_are_off_hold_for_nobody_and_are_not_told(limited: Start) -> None:
    installed = limited(enabled="false", global_limit="0.1")
    assert statuses(installed, 3) == [200] * 3
    answer = installed.client.get(f"/v2/submission_status?client={APPLICATION_KEY}")
    assert "X-RateLimit-Limit" not in answer.headers


def test_limits_are_off_by_default() -> None:
    assert not RateLimiterOptions().enabled
