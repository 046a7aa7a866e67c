"""Lines of a dump become rows, and bad ones say what is wrong with them."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpservice.domain.fingerprint import from_bytes
from fpservice.domain.submission import SubmittedText
from fpservice.dumps.files import DumpFileError, find_dump_files
from fpservice.dumps.reader import DumpReader, Line
from fpservice.dumps.rejects import RejectFile
from fpservice.dumps.rows import BadLineError, parse_line

GID = "aa9daf55-212f-42c8-893b-6117953466e3"
FINGERPRINT = {"id": 1, "fingerprint": [-1, 2, 3], "length": 10}
TRACK = {"id": 1, "gid": GID}
LINK = {"track_id": 1, "mbid": GID, "submission_count": 2}


def line(values: object) -> bytes:
    return json.dumps(values).encode()


def test_missing_keys_are_null() -> None:
    row = parse_line("track", line(TRACK | {"created": "2024-01-02T03:04:05.678901+02:00"}))
    created = datetime(2024, 1, 2, 1, 4, 5, 678901, UTC)
    assert row == {
        "id": 1,
        "gid": UUID(GID),
        "new_id": None,
        "created": created,
        "updated": None,
    }


def test_a_time_without_zone_is_utc_and_a_missing_created_is_left_out() -> None:
    row = parse_line("track", line(TRACK | {"updated": "2024-01-02 03:04:05"}))
    assert row["updated"] == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert "created" not in row


@pytest.mark.parametrize(("given", "disabled"), [({}, False), ({"disabled": True}, True)])
def test_links_are_enabled_unless_the_line_says_otherwise(
    given: dict[str, bool], disabled: bool
) -> None:
    row = parse_line("track_mbid", line({"id": 99} | LINK | given))
    assert row["disabled"] is disabled
    assert "id" not in row


def test_text_has_the_digest_that_submissions_are_found_by() -> None:
    row = parse_line("meta", line({"id": 3, "track": "Ölçü", "track_no": 4}))
    assert row["digest"] == SubmittedText(track="Ölçü", track_no=4).digest()
    assert row["album"] is None


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=50))
def test_hashes_are_kept_bit_by_bit(items: list[int]) -> None:
    row = parse_line("fingerprint", line(FINGERPRINT | {"fingerprint": items}))
    assert from_bytes(row["hashes"]).view(np.int32).tolist() == items


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_doubled_backslashes_are_undone(text: str) -> None:
    doubled = line({"id": 1, "track": text}).replace(b"\\", b"\\\\")
    assert parse_line("meta", doubled, doubled_backslashes=True)["track"] == text


@pytest.mark.parametrize(
    ("stream", "content", "reason"),
    [
        ("track", b'{"id": 1', "not JSON"),
        ("track", b"\xff", "not JSON"),
        ("track", b"[" * 100_000, "not JSON"),
        ("track", b"[1]", "not a JSON object"),
        ("track", line({"gid": GID}), "id is missing"),
        ("track", line({"id": True, "gid": GID}), "id is no integer"),
        ("track", line({"id": 2**63, "gid": GID}), "id is not between"),
        ("track", line({"id": 1, "gid": "aa9daf55"}), "gid is no UUID"),
        ("track", line(TRACK | {"updated": "yesterday"}), "updated is no date"),
        ("track", line(TRACK | {"created": "0001-01-01T00:00:00+14:00"}), "created is no date"),
        ("track_mbid", line(LINK | {"disabled": 1}), "disabled is neither"),
        ("track_mbid", line(LINK | {"submission_count": -1}), "submission_count is not between"),
        ("meta", line({"id": 1, "track": "a\0b"}), "track holds a character"),
        ("meta", b'{"id": 1, "track": "\\ud800"}', "track holds a character"),
        ("meta", line({"id": 1, "artist": 7}), "artist is no text"),
        ("meta", line({"id": 1, "year": 40_000}), "year is not between"),
        ("fingerprint", line(FINGERPRINT | {"length": 0}), "length is not between"),
        ("fingerprint", line(FINGERPRINT | {"length": 32_768}), "length is not between"),
        ("fingerprint", line(FINGERPRINT | {"fingerprint": []}), "0 hashes"),
        ("fingerprint", line(FINGERPRINT | {"fingerprint": [0] * 65_536}), "65536 hashes"),
        ("fingerprint", line(FINGERPRINT | {"fingerprint": [2**32]}), "more than 32 bits"),
        ("fingerprint", line(FINGERPRINT | {"fingerprint": [10**30]}), "more than 32 bits"),
        ("fingerprint", line(FINGERPRINT | {"fingerprint": [1.5]}), "no list of integers"),
        ("fingerprint", line(FINGERPRINT | {"fingerprint": [1, True]}), "no list of integers"),
        ("fingerprint", line(FINGERPRINT | {"fingerprint": "12"}), "no list of integers"),
    ],
)
def test_bad_lines_say_why(stream: str, content: bytes, reason: str) -> None:
    with pytest.raises(BadLineError, match=reason):
        parse_line(stream, content)


def test_files_are_read_by_day_and_what_others_point_to_first(tmp_path: Path) -> None:
    names = (
        "2024/2024-12-05-track-update.jsonl.gz",
        "2024/2024-12-04-track_meta-update.jsonl.gz",
        "2024/2024-12-04-track_fingerprint-update.jsonl",
        "2024/2024-12-04-fingerprint-update.jsonl.gz",
        "2024/2024-12-04-meta-update.jsonl.gz",
        "2024/2024-12-04-track-update.jsonl.gz",
        "2024/2024-12-04-foreignid-update.jsonl.gz",
        "2024/2024-13-04-track-update.jsonl.gz",
        "2024/index.json",
    )
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = find_dump_files([tmp_path / names[0], tmp_path])
    assert [file.stream for file in found] == [
        "track",
        "meta",
        "fingerprint",
        "track_fingerprint",
        "track_meta",
        "track",
    ]
    assert [file.day for file in found] == [date(2024, 12, 4)] * 5 + [date(2024, 12, 5)]
    assert [file.doubled_backslashes for file in found] == [True] * 5 + [False]


def test_undated_files_have_no_doubled_backslashes(tmp_path: Path) -> None:
    (tmp_path / "meta-update.jsonl").touch()
    [found] = find_dump_files([tmp_path])
    assert found.day is None
    assert not found.doubled_backslashes


@pytest.mark.parametrize("name", [".", "none", "notes.txt"])
def test_what_is_no_dump_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DumpFileError):
        find_dump_files([tmp_path / name])


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")], ids=["no bytes", "no lines"])
def test_an_empty_day_has_no_lines(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "track-update.jsonl.gz"
    path.write_bytes(content)
    with DumpReader(path) as reader:
        assert list(reader) == []
        assert reader.size == len(content)


@pytest.mark.parametrize("pack", [gzip.compress, bytes])
def test_lines_are_numbered_and_too_long_ones_cut(tmp_path: Path, pack: type[bytes]) -> None:
    path = tmp_path / "track-update.jsonl.gz"
    path.write_bytes(pack(b"one\n\n" + b"x" * 3_000_000 + b"\r\nfour\r\nfive"))
    with DumpReader(path, max_line=1000) as reader:
        found = [(one.number, one.content[:4], one.too_long) for one in reader]
        assert reader.position == reader.size
    assert found == [
        (1, b"one", False),
        (3, b"xxxx", True),
        (4, b"four", False),
        (5, b"five", False),
    ]


def test_a_cut_off_file_gives_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "track-update.jsonl.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n" * 2000)[:-12])
    seen: list[Line] = []
    with DumpReader(path) as reader, pytest.raises(DumpFileError, match="damaged after line"):
        seen.extend(reader)
    assert seen


def test_rejects_appear_only_with_a_bad_line(tmp_path: Path) -> None:
    source, path = tmp_path / "lines", tmp_path / "rejects" / "track.rejects"
    source.write_bytes(b"good\nbad line\n")
    with DumpReader(source) as reader:
        lines = list(reader)
    with RejectFile(path) as rejects:
        rejects.add(lines[1], "no\ngood")
    assert path.read_bytes() == b"2\tno good\tbad line\n"
    with RejectFile(path):
        pass
    assert not path.exists()
