"""Requests that are refused unread: where they end, and what they are answered."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from fpservice.admission.refusals import Refusal, refuse

MAX_BODY = 1000
FORM = b"client=a&fingerprint=AQAAAQ"


def post(body: bytes = FORM, *lines: str, length: int | None = None) -> bytes:
    fixed = ("POST /v2/lookup HTTP/1.1", "Host: a", f"Content-Length: {length or len(body)}")
    return "\r\n".join((*fixed, *lines, "", "")).encode() + body


def refused(request: bytes, may_keep: bool = True) -> Refusal:
    return refuse(request, MAX_BODY, may_keep)


def head_and_body(answer: bytes) -> tuple[list[bytes], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert b"Content-Length: %d" % len(body) in lines
    return lines, body


def test_the_answer_is_an_error_that_says_when_to_come_again() -> None:
    lines, body = head_and_body(refused(post()).answer)
    assert lines[0] == b"HTTP/1.1 503 Service Unavailable"
    assert b"Retry-After: 5" in lines
    assert b"Connection: keep-alive" in lines
    assert b"Access-Control-Allow-Origin: *" in lines
    assert json.loads(body)["error"]["code"] == 13


@pytest.mark.parametrize(
    "request_",
    [
        post(FORM + b"&format=xml"),
        b"GET /v2/lookup?format=xml&client=a HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_xml_for_those_who_ask_for_it(request_: bytes) -> None:
    lines, body = head_and_body(refused(request_).answer)
    assert b"Content-Type: text/xml; charset=UTF-8" in lines
    assert ET.fromstring(body).findtext("error/code") == "13"


def test_json_for_a_format_that_only_begins_like_it() -> None:
    assert json.loads(head_and_body(refused(post(b"format=xmlrpc")).answer)[1])


@pytest.mark.parametrize(
    ("request_", "unread"),
    [
        (post(), 0),
        (post(b""), 0),
        (post(b"a" * 10, length=400), 390),
        (b"GET /v2/lookup?client=a HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    ],
)
def test_a_request_whose_end_is_certain_leaves_the_connection(request_: bytes, unread: int) -> None:
    assert refused(request_).unread == unread
    assert refused(request_).keeps
    assert not refused(request_, may_keep=False).keeps
    assert b"Connection: close" in refused(request_, may_keep=False).answer


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"POST /v2/lookup HTTP/1.1\r\nHost: a\r\n",
        post(FORM + b"GET / HTTP/1.1\r\n\r\n", length=len(FORM)),
        post(b"a", length=MAX_BODY + 1),
        post(FORM, "Transfer-Encoding: chunked"),
        post(FORM, "Content-Length: 3"),
        post(FORM, "X: a", " Content-Length: 3"),
        post(FORM, "X: a\nContent-Length: 3"),
        post(FORM, "X: a\rContent-Length: 3"),
        post(FORM, "Content-Length : 3"),
        post(FORM, "Expect: 100-continue"),
        post(FORM).replace(b"HTTP/1.1", b"HTTP/1.0"),
        post(FORM).replace(b"Content-Length: ", b"Content-Length: +"),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ],
)
def test_any_other_is_the_last_one(request_: bytes) -> None:
    refusal = refused(request_)
    assert refusal.unread is None
    assert not refusal.keeps
    assert b"\r\nConnection: close\r\n" in refusal.answer


def test_who_wants_to_close_is_told_so() -> None:
    refusal = refused(post(FORM, "Connection: close"))
    assert refusal.unread == 0
    assert not refusal.keeps
    assert b"\r\nConnection: close\r\n" in refusal.answer


def test_head_has_no_body() -> None:
    answer = refused(b"HEAD /v2/lookup HTTP/1.1\r\nHost: a\r\n\r\n").answer
    assert answer.endswith(b"\r\n\r\n")
    assert b"\r\nConnection: close\r\n" in answer
