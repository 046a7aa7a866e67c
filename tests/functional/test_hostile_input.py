"""Whatever is sent: no internal error, no hang, bounded memory, an answer in the asked format."""

from __future__ import annotations

import gzip
import json
import re
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fpservice.domain import fingerprint
from tests.installation import APPLICATION_KEY, USER_KEY, Installation, recordings
from tests.shapes import Shape

LIMIT = 1_048_576
PATHS = (
    "/v2/lookup",
    "/v2/submit",
    "/v2/submission_status",
    "/v2/user/lookup",
    "/v2/user/create_anonymous",
    "/v2/fingerprint",
    "/v2/track/list_by_mbid",
    "/v2/track/list_by_puid",
    "/nowhere",
)
NAMES = (
    "client", "user", "format", "jsoncallback", "duration", "fingerprint", "duration.0",
    "fingerprint.0", "fingerprint.999999999999999999999", "trackid", "trackid.1", "meta", "batch",
    "maxdurationdiff", "mbid", "puid", "foreignid", "track", "artist", "album", "year", "trackno",
    "bitrate", "fileformat", "id", "disabled", "clientversion", "wait",
)  # fmt: skip


@pytest.fixture(scope="module")
def attacked(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with closing(shape.install(tmp_path_factory.mktemp("attacked"))) as installed:
        yield installed
    shape.empty()


values = st.one_of(
    st.sampled_from(
        ["", "0", "-1", "1", "999999999999999999999999", "1e9", "NaN", "\x00", "a\x00b", "json",
         "xml", "jsonp", APPLICATION_KEY, USER_KEY, recordings()[0]["fingerprint"],
         "AQAAAQ", "00000000-0000-0000-0000-000000000000", "recordings usermeta m2",
         "' OR 1=1 --", "../../etc/passwd", "<script>", "\ud800".encode("utf-16", "surrogatepass")
         .decode("utf-16", "replace"), "x" * 70_000]
    ),
    st.text(max_size=60),
)  # fmt: skip
forms = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=8)


@given(st.sampled_from(PATHS), forms, st.booleans(), st.sampled_from(["json", "xml", "jsonp"]))
@settings(
    max_examples=300,
    deadline=5000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_parameters(
    attacked: Installation, path: str, form: list[tuple[str, str]], known: bool, kind: str
) -> None:
    pairs = [("client", APPLICATION_KEY), ("user", USER_KEY)] * known + form
    data: dict[str, list[str]] = {}
    for name, value in pairs:
        data.setdefault(name, []).append(value)
    answer = attacked.client.post(path, data=data, query_string={"format": kind})
    assert answer.status_code < 500, answer.data
    assert "html" not in (answer.content_type or "")


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "", "deflate"]))
@settings(
    max_examples=200, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_body(attacked: Installation, body: bytes, encoding: str) -> None:
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                 "application/json"):  # fmt: skip
        answer = attacked.client.post(
            "/v2/lookup", data=body, content_type=kind, headers={"Content-Encoding": encoding}
        )
        assert 400 <= answer.status_code < 500, answer.data
        # A body may well ask for a format.
        assert re.search(rb'"status": "error"|<status>error</status>', answer.data), answer.data


def post(attacked: Installation, body: bytes, encoding: str = "", kind: str = "") -> int:
    answer = attacked.client.post(
        "/v2/lookup",
        data=body,
        content_type=kind or "application/x-www-form-urlencoded",
        headers={"Content-Encoding": encoding} if encoding else {},
    )
    assert json.loads(answer.data)["status"] in ("ok", "error")
    return answer.status_code


def test_a_gzip_bomb_is_refused_without_unpacking_it(attacked: Installation) -> None:
    bomb = gzip.compress(gzip.compress(b"\x00" * 200_000_000, 9), 9)
    flat = gzip.compress(b"a=" + b"\x00" * 100_000_000, 9)
    assert len(flat) < LIMIT
    post(attacked, b"warm=up")
    tracemalloc.start()
    started = time.monotonic()
    assert post(attacked, flat, "gzip") == 413
    assert time.monotonic() - started < 2
    assert tracemalloc.get_traced_memory()[1] < 20 * LIMIT
    tracemalloc.stop()
    assert post(attacked, bomb, "gzip") in (400, 413)


def test_many_small_gzip_members_end_soon(attacked: Installation) -> None:
    members = gzip.compress(b"") * 40_000
    started = time.monotonic()
    assert post(attacked, members[:LIMIT], "gzip") == 400
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("size", [LIMIT - 100, LIMIT + 1])
def test_large_bodies(attacked: Installation, size: int) -> None:
    expected = 413 if size > LIMIT else 400
    assert post(attacked, b"a=" + b"b" * (size - 2)) == expected


def test_thousands_of_parameters(attacked: Installation) -> None:
    client = f"client={APPLICATION_KEY}&"
    many = "&".join(f"fingerprint.{number}=AQAAAQ&duration.{number}=9" for number in range(20_000))
    started = time.monotonic()
    assert post(attacked, (client + many).encode()) == 400
    assert post(attacked, (client + "batch=1&" + many).encode()) == 413
    assert post(attacked, (client + "&".join(f"p{n}=1" for n in range(100_000))).encode()) == 400
    assert time.monotonic() - started < 10


def test_the_longest_fingerprint_is_compared_in_time(attacked: Installation) -> None:
    hashes = fingerprint.decode(recordings()[0]["fingerprint"])
    longest = fingerprint.encode(np.tile(hashes, 200)[:65_535])
    started = time.monotonic()
    answer = attacked.call("/v2/lookup", duration=100, fingerprint=longest)
    assert answer["status"] == "ok"
    too_long = fingerprint.encode(np.tile(hashes, 300)[:65_536])
    answer = attacked.call("/v2/lookup", duration=100, fingerprint=too_long)
    assert answer["error"]["code"] == 3
    assert time.monotonic() - started < 5


def test_deep_json_is_refused(attacked: Installation) -> None:
    body = b'{"client": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert post(attacked, body, kind="application/json") == 400
