"""Checks of the doctor that need no servers: time limits, clocks, disks, secrets."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from fpservice.config import load_config
from fpservice.config_secrets import without_secrets
from fpservice.domain.errors import DatabaseUnavailableError
from fpservice.services.doctor.checks import Check, ProblemError, examine
from fpservice.services.doctor.clock import clock_check
from fpservice.services.doctor.disk import disk_check


def problem(check: Check) -> str:
    with pytest.raises(ProblemError) as caught:
        check()
    assert caught.value.advice
    return str(caught.value)


def test_findings_come_in_the_order_of_the_checks() -> None:
    def slow() -> str:
        time.sleep(0.1)
        return "slow"

    def bad() -> str:
        raise ProblemError("it is broken", "mend it")

    def lost() -> str:
        raise DatabaseUnavailableError("database app: gone")

    def bug() -> str:
        raise KeyError("what")

    checks = {"slow": slow, "bad": bad, "lost": lost, "bug": bug}
    findings = examine(checks)
    assert [one.name for one in findings] == list(checks)
    assert [one.ok for one in findings] == [True, False, False, False]
    assert (findings[1].detail, findings[1].advice) == ("it is broken", "mend it")
    assert "database app: gone" in findings[2].detail
    assert "KeyError" in findings[3].detail
    assert all(one.advice for one in findings[1:])


def test_a_check_that_hangs_is_given_up() -> None:
    forever = threading.Event()

    def hang() -> str:
        forever.wait()
        return ""

    started = time.monotonic()
    found = examine({"a": hang, "b": lambda: "well", "c": hang}, time_limit=0.3)
    assert time.monotonic() - started < 5
    assert [one.ok for one in found] == [False, True, False]
    assert "no answer within 0.3 s" in found[0].detail
    forever.set()


NOON = 1_800_000_000.0


def test_clocks_that_agree() -> None:
    own = iter([NOON, NOON, NOON + 0.5, NOON + 5, NOON + 9]).__next__
    # The second one took four seconds to answer; that is not the clock's fault.
    check = clock_check({"one": lambda: NOON + 0.1, "two": lambda: NOON + 7}, own)
    assert "differs from one, two by 0.00 s at most" in check()


@pytest.mark.parametrize(("theirs", "word"), [(10.0, "behind"), (-10.0, "ahead of")])
def test_a_clock_that_is_wrong(theirs: float, word: str) -> None:
    check = clock_check({"one": lambda: NOON, "two": lambda: NOON + theirs}, lambda: NOON)
    assert problem(check) == f"this machine is 10.0 s {word} two"


def test_a_clock_that_was_never_set() -> None:
    assert "1970" in problem(clock_check({}, lambda: 1000.0))
    assert "no server" in clock_check({})()


def test_disks(tmp_path: Path) -> None:
    assert "can be written" in disk_check(tmp_path)()
    assert "is made when it is needed" in disk_check(tmp_path / "a" / "b")()
    assert not (tmp_path / "a").exists()
    assert "MB free" in problem(disk_check(tmp_path, lambda: 10**18))
    (tmp_path / "file").write_text("")
    assert "is no folder" in problem(disk_check(tmp_path / "file" / "below"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_secrets_are_hidden() -> None:
    config = load_config(
        {
            "ACOUSTID_DATABASE_URL": "postgresql://u:p%40ssword@h/app",
            "ACOUSTID_DATABASE_INGEST_NAME": "i",
            "ACOUSTID_DATABASE_INGEST_PASSWORD": "horse",
            "ACOUSTID_REDIS_URL": "redis://:battery@r:1/0",
            "ACOUSTID_NATS_SERVERS": "nats://token9@n:4222, nats://a:staple@m:4222",
            "ACOUSTID_CLUSTER_SECRET": "correct",
        }
    )
    said = "p%40ssword p@ssword horse battery token9@n staple correct h app nats r"
    assert without_secrets(said, config) == "*** *** *** *** ***n *** *** h app nats r"
