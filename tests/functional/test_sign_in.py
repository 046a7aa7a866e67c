"""Signing in with MusicBrainz, against a server that answers as its user info page does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.functional.conftest import Start
from tests.installation import APPLICATION_KEY, Installation

USERS = {"token-of-ann": "ann", "token-of-bob": "bob"}
HTTPS = "https://fingerprints.test"


class UserInfo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        status = 200 if token in USERS else 500 if token == "broken" else 401
        body = json.dumps({"sub": USERS.get(token)}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def musicbrainz() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), UserInfo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/oauth2/userinfo"
    server.shutdown()
    server.server_close()


@pytest.fixture
def signing_in(start: Start, musicbrainz: str) -> Installation:
    return start(ACOUSTID_MUSICBRAINZ_SIGN_IN_URL=musicbrainz)


def ask(
    installed: Installation, token: str, base: str = HTTPS
) -> tuple[int, dict[str, dict[str, object]]]:
    answer = installed.client.post(
        "/v2/user/create_musicbrainz", data={"access_token": token}, base_url=base
    )
    return answer.status_code, json.loads(answer.data)


def test_each_user_gets_one_key(signing_in: Installation) -> None:
    _, first = ask(signing_in, "token-of-ann")
    _, again = ask(signing_in, "token-of-ann")
    _, other = ask(signing_in, "token-of-bob")
    assert first["user"] == again["user"] != other["user"]
    key = first["user"]["apikey"]
    checked = signing_in.call("/v2/user/lookup", user=key)
    assert checked["user"] == {"apikey": key}


@pytest.mark.parametrize("token", ["unknown", "a\r\nX-Evil: 1", "ž"])
def test_an_unknown_token_is_error_15(signing_in: Installation, token: str) -> None:
    status, answer = ask(signing_in, token)
    assert (status, answer["error"]["code"]) == (400, 15)


def test_a_token_is_not_taken_over_plain_http(signing_in: Installation) -> None:
    status, answer = ask(signing_in, "token-of-ann", "http://fingerprints.test")
    assert (status, answer["error"]["code"]) == (400, 16)


def test_a_page_that_is_broken_or_gone_is_error_13(signing_in: Installation) -> None:
    status, answer = ask(signing_in, "broken")
    assert (status, answer["error"]["code"]) == (503, 13)


def test_nobody_can_sign_in_where_it_is_not_set_up(installation: Installation) -> None:
    status, answer = ask(installation, "token-of-ann")
    assert (status, answer["error"]["code"]) == (400, 15)
    assert installation.call("/v2/submission_status", client=APPLICATION_KEY)["status"] == "ok"
