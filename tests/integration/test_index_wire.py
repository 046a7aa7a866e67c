"""The served index answers as fpindex does: 131 recorded exchanges, in order, byte for byte."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgpack
import pytest

from tests.index_server import IndexServerProcess

RECORD = Path(__file__).parents[1] / "golden" / "fpindex_wire.json.gz"
# A time limit of 0 or 1 ms may be reached or not.
UP_TO_LUCK = {"search-timeout-0", "search-timeout-1"}
# Counts here are of what is alive; the recorded server counts what was replaced or deleted too,
# even if it never was there, and a segment for each update.
OTHER_STATISTICS = {"info", "info-msgpack", "accept-xml", "accept-any"}
COUNTED = {"num_docs": 10, "num_segments": 0, "max_doc_id": 500}


@dataclass
class Given:
    status: int
    media_type: str | None
    body: bytes


@cache
def exchanges() -> list[dict[str, Any]]:
    with gzip.open(RECORD) as file:
        return list(json.load(file)["exchanges"])


def ask(server: IndexServerProcess, request: dict[str, Any]) -> Given:
    body = request.get("body_text")
    data = bytes.fromhex(request["body_hex"]) if "body_hex" in request else body and body.encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(request["method"], request["path"], data, request["headers"])
        answer = connection.getresponse()
        return Given(answer.status, answer.getheader("Content-Type"), answer.read())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Given]]:
    with IndexServerProcess.running(tmp_path_factory.mktemp("indexes")) as server:
        # The record begins where an index exists already.
        ask(server, {"method": "PUT", "path": "/main", "headers": {}})
        yield [ask(server, one["request"]) for one in exchanges()]


def content(one: dict[str, Any], given: Given) -> tuple[Any, Any]:
    """Return the body that was recorded and the one given, decoded."""
    if "body_decoded" in one:
        return one["body_decoded"], msgpack.unpackb(given.body)
    return one["body_json"], json.loads(given.body)


@pytest.mark.parametrize("number", range(131), ids=[one["name"] for one in exchanges()])
def test_the_answer_is_the_recorded_one(answers: list[Given], number: int) -> None:
    recorded, given = exchanges()[number], answers[number]
    response, name = recorded["response"], recorded["name"]
    if name in UP_TO_LUCK and given.status == 503:
        assert json.loads(given.body) == {"error": "Unavailable"}
        return
    assert given.status == response["status"]
    assert given.media_type == response["content_type"]
    if name == "metrics":
        assert given.body.decode().splitlines()[0] == response["first_line"]
    elif name in OTHER_STATISTICS:
        expected, found = content(response, given)
        expected["stats" if "stats" in expected else "s"].update(COUNTED)
        assert found == expected
    elif "body_hex" in response:
        assert given.body.hex() == response["body_hex"]
    else:
        assert given.body.decode() == response["body_text"]
