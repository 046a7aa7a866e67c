"""Reports of errors: nothing personal, nothing again and again."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import flask
import pytest
import sentry_sdk

from fpservice.config import Config, ConfigError
from fpservice.config_options import SentryOptions
from fpservice.observability.scrubbing import FILTERED, scrub_event, scrub_query, scrub_text
from fpservice.observability.sentry import ErrorThrottle, configure_sentry, error_identity
from tests.sentry_server import SentryServer

FINGERPRINT = "AQADtEmUaEkSRZEGAAAAAA" * 20
# Reports quote the source around a call, so the last test must not spell these there.
PRIVATE_KEY = "PRIVATEKEY"
FORWARDED, REMOTE = "192.0.2.7", "192.0.2.8"


class TestText:
    @pytest.mark.parametrize(
        ("text", "clean"),
        [
            ("/v2/lookup?client=KEY&meta=sources", f"/v2/lookup?client={FILTERED}&meta=sources"),
            ("fingerprint.12=AQAA&duration.12=3", f"fingerprint.12={FILTERED}&duration.12=3"),
            ("a CLIENT=KEY b", f"a CLIENT={FILTERED} b"),
            ("{'user': 'KEY', 'x': 1}", f"{{'user': '{FILTERED}', 'x': 1}}"),
            ('{"secret": "KEY"}', f'{{"secret": "{FILTERED}"}}'),
            ("clientversion=1.0", "clientversion=1.0"),
            ("from 192.0.2.7.", f"from {FILTERED}."),
            ("from 192.0.2.7:5000", f"from {FILTERED}:5000"),
            ("from [2001:db8::1]:5000", f"from [{FILTERED}]:5000"),
            ("from ::ffff:192.0.2.7", f"from ::ffff:{FILTERED}"),
            ("at 12:30:45, std::string, a:b", "at 12:30:45, std::string, a:b"),
            ("postgresql://me:pw@db/x", f"postgresql://{FILTERED}@db/x"),
            ("bad " + FINGERPRINT, f"bad {FILTERED}"),
            ("a_function_with_a_very_long_name_of_more_than_forty", None),
            ("INSERT [SQL: x] [parameters: ('KEY',\n 'x')]", f"INSERT [SQL: x] {FILTERED}"),
        ],
    )
    def test_scrubbed(self, text: str, clean: str | None) -> None:
        assert scrub_text(text) == (text if clean is None else clean)

    def test_query(self) -> None:
        query = "client=KEY&%63lient=KEY&meta=a+b&user=&X-Forwarded-For=192.0.2.7&about=192.0.2.7"
        clean = scrub_query(query)
        assert "KEY" not in clean
        assert "192.0.2.7" not in clean
        assert "meta=a+b" in clean

    def test_time_grows_with_the_length_only(self) -> None:
        for text in ("a:" * 200000, "1." * 200000, "client" * 60000, "x" * 400000, " =" * 200000):
            assert isinstance(scrub_text(text), str)


def test_event() -> None:
    event = {
        "event_id": "0" * 32,
        "timestamp": "2024-01-02T03:04:05Z",
        "release": "1.2.3.4",
        "modules": {"x": "1.2.3.4"},
        "user": {"ip_address": "192.0.2.7"},
        "server_name": "web-1",
        "request": {
            "url": "http://h/v2/lookup?client=KEY",
            "query_string": "client=KEY&meta=sources",
            "headers": {"X-Forwarded-For": "192.0.2.7", "Authorization": "KEY", "Host": "h"},
            "cookies": {"a": "KEY"},
            "env": {"REMOTE_ADDR": "192.0.2.7", "HTTP_COOKIE": "KEY", "SERVER_PORT": "80"},
            "data": {"client": "KEY", "fingerprint.1": "KEY", "duration.1": ["280"]},
        },
        "exception": {
            "values": [
                {
                    "type": "ValueError",
                    "value": f"no {FINGERPRINT} from 192.0.2.7",
                    "stacktrace": {
                        "frames": [{"function": "f", "vars": {"x": "KEY"}, "lineno": 3}]
                    },
                }
            ]
        },
        "breadcrumbs": {"values": [{"message": "GET http://u:KEY@h/?user=KEY", "data": [b"KEY"]}]},
        "extra": {"pairs": [["secret", "KEY"], ("meta", "x")]},
    }
    clean = scrub_event(event)
    text = json.dumps(clean)
    assert "KEY" not in text
    assert "192.0.2.7" not in text
    assert FINGERPRINT not in text
    assert "user" not in clean
    assert clean["timestamp"] == "2024-01-02T03:04:05Z"
    assert clean["modules"] == {"x": "1.2.3.4"}
    assert clean["request"]["headers"]["Host"] == "h"
    assert clean["request"]["env"]["SERVER_PORT"] == "80"
    assert clean["request"]["data"]["duration.1"] == ["280"]
    assert "meta=sources" in clean["request"]["query_string"]
    assert clean["extra"]["pairs"][1] == ["meta", "x"]
    frames = clean["exception"]["values"][0]["stacktrace"]["frames"]
    assert frames == [{"function": "f", "lineno": 3}]
    assert event["user"] == {"ip_address": "192.0.2.7"}, "the event itself is not changed"


def test_raw_body_and_endless_nesting() -> None:
    nested: dict[str, Any] = {}
    nested["again"] = nested
    clean = scrub_event({"request": {"data": "client=KEY"}, "extra": nested})
    assert clean["request"]["data"] == FILTERED
    assert FILTERED in json.dumps(clean["extra"])


class TestThrottle:
    def test_once_in_a_period(self) -> None:
        now = [0.0]
        throttle = ErrorThrottle(clock=lambda: now[0])
        assert [throttle.allow(e) for e in "aaba"] == [True, False, True, False]
        now[0] = 3599.0
        assert not throttle.allow("a")
        now[0] = 3600.0
        assert [throttle.allow(e) for e in "aa"] == [True, False]

    def test_it_remembers_the_last_ones(self) -> None:
        throttle = ErrorThrottle(size=2, clock=lambda: 0.0)
        assert [throttle.allow(e) for e in "abc"] == [True] * 3
        assert [throttle.allow(e) for e in "cba"] == [False, False, True]

    def test_identity_is_type_and_innermost_place(self) -> None:
        def fail(number: int) -> None:
            if number == 1:
                raise KeyError("one")
            raise KeyError("another")

        def identity(number: int) -> str:
            try:
                fail(number)
            except KeyError:
                return error_identity({}, {"exc_info": sys.exc_info()})
            raise AssertionError

        assert identity(1) == identity(1)
        assert identity(1) != identity(2)
        assert identity(1).startswith(f"builtins.KeyError at {__file__}:")
        assert error_identity({"logger": "a", "logentry": {"message": "b %s"}}, {}) == "a: b %s"


@pytest.fixture
def sentry_server() -> Iterator[SentryServer]:
    with SentryServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        sentry_sdk.get_client().close(timeout=2)
        sentry_sdk.get_global_scope().set_client(None)
        server.shutdown()
        thread.join()


def test_off_without_a_dsn() -> None:
    assert configure_sentry(Config(Path("data"))) is False
    assert not sentry_sdk.get_client().is_active()


def test_a_dsn_that_is_none() -> None:
    config = Config(Path("data"), sentry=SentryOptions(dsn="hunter2://x"))
    with pytest.raises(ConfigError) as caught:
        configure_sentry(config)
    assert "sentry.dsn" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_what_a_server_gets(sentry_server: SentryServer) -> None:
    options = SentryOptions(dsn=sentry_server.dsn, environment="testing")
    assert configure_sentry(Config(Path("data"), sentry=options))
    app = flask.Flask("house")

    @app.route("/v2/lookup", methods=["POST"])
    def lookup() -> str:
        key = flask.request.values["client"]
        raise ValueError(f"client={key} sent {flask.request.form['fingerprint']}")

    client = app.test_client()
    for _ in range(3):
        answer = client.post(
            f"/v2/lookup?client={PRIVATE_KEY}&meta=sources",
            data={"fingerprint": FINGERPRINT, "user": PRIVATE_KEY},
            headers={"X-Forwarded-For": FORWARDED},
            environ_overrides={"REMOTE_ADDR": REMOTE},
        )
        assert answer.status_code == 500
    sentry_sdk.flush(timeout=5)
    (body,) = [b for b in sentry_server.bodies if '"exception"' in b]
    for private in (PRIVATE_KEY, FINGERPRINT, FORWARDED, REMOTE):
        assert private not in body
    assert '"environment":"testing"' in body
    assert f'"release":"fpservice@{version("fpservice")}"' in body
    assert "meta=sources" in body
    assert "ValueError" in body
