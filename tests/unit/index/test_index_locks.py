"""One writer at a time, whatever happens to the one before."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fpservice.domain.errors import IndexLockedError, IndexUnavailableError
from fpservice.index.embedded import EmbeddedIndex
from fpservice.index.lock import ProcessLock, is_free, try_lock
from tests.index_samples import sample, samples

HOLDER = """
import sys, time
from fpservice.index.embedded import EmbeddedIndex
with EmbeddedIndex(sys.argv[1]).writing():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that is writing the index."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_writer_is_told_who_writes(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    index = EmbeddedIndex(tmp_path, lock_timeout=0.05)
    with pytest.raises(IndexLockedError, match=rf"being written by process {holder.pid} \(-c"):
        index.apply([sample(1)])
    assert index.fetch([1]) == []


def test_the_lock_of_a_killed_writer_is_free(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    index = EmbeddedIndex(tmp_path, lock_timeout=5.0)
    index.apply([sample(1)])
    assert len(index.fetch([1])) == 1


def test_a_writer_waits_for_a_short_one(tmp_path: Path) -> None:
    first = EmbeddedIndex(tmp_path)
    second = EmbeddedIndex(tmp_path, lock_timeout=5.0)
    with first.writing():
        waiting = threading.Thread(target=second.apply, args=([sample(2)],))
        waiting.start()
        first.apply([sample(1)])
        time.sleep(0.05)
        assert second.fetch([2]) == []
    waiting.join()
    assert len(second.fetch([1, 2])) == 2


def test_threads_of_one_instance_take_turns(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path, flush_documents=10, merge_in_background=False)
    threads = [
        threading.Thread(target=index.apply, args=(samples(range(1 + 20 * i, 21 + 20 * i)),))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert index.status().fingerprints == 80
    assert list(index.verify()) == []


def test_two_instances_write_in_turn(tmp_path: Path) -> None:
    both = [
        EmbeddedIndex(tmp_path, flush_documents=4, max_segments=2, merge_in_background=False)
        for _ in range(2)
    ]
    for number in range(1, 41):
        both[number % 2].apply([sample(number)])
    assert [index.status().fingerprints for index in both] == [40, 40]
    assert list(both[0].verify()) == []


def test_a_wiped_directory_has_a_new_lock(tmp_path: Path) -> None:
    path = tmp_path / "LOCK"
    lock = ProcessLock(path, "written", 0.05)
    with lock.held():
        path.unlink()
        assert is_free(path)


def test_a_lock_is_reentrant_in_its_thread_only(tmp_path: Path) -> None:
    lock = ProcessLock(tmp_path / "LOCK", "written", 0.05)
    refused = []

    def attempt() -> None:
        try:
            lock.acquire()
        except IndexLockedError as error:
            refused.append(error)

    with lock.held(), lock.held():
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    assert len(refused) == 1
    descriptor = try_lock(tmp_path / "LOCK")
    assert descriptor is not None
    os.close(descriptor)


def test_a_child_forked_by_a_writer_neither_writes_nor_keeps_the_lock(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path, lock_timeout=0.05)
    with index.writing():
        child = os.fork()
        if not child:
            try:
                index.apply([sample(1)])
            except IndexLockedError:
                time.sleep(0.3)
                os._exit(7)
            os._exit(0)
        time.sleep(0.15)
    index.apply([sample(2)])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert [one.id for one in index.fetch([1, 2])] == [2]


def test_a_directory_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    index = EmbeddedIndex(tmp_path / "file" / "index")
    with pytest.raises(IndexUnavailableError):
        index.apply([sample(1)])
    with pytest.raises(IndexUnavailableError):
        index.ping()
    shutil.rmtree(tmp_path, ignore_errors=True)
