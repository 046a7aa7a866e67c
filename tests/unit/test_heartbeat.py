"""The file whose time says when all importers of a process last went on."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from fpservice.worker.heartbeat import Heartbeat


def test_the_slowest_importer_counts(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat"
    heartbeat = Heartbeat(path)
    first, second = heartbeat.part(), heartbeat.part()
    begun = path.stat().st_mtime
    assert abs(time.time() - begun) < 5
    time.sleep(0.05)
    first()
    # The second one still hangs.
    assert path.stat().st_mtime < begun + 0.05
    second()
    assert path.stat().st_mtime >= begun + 0.05


def test_a_file_that_was_removed_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat"
    beat = Heartbeat(path).part()
    os.remove(path)
    beat()
    assert path.exists()


def test_imports_do_not_depend_on_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Heartbeat(tmp_path / "nowhere" / "heartbeat").part()()
    assert "no sign of life" in caplog.text
    Heartbeat(None).part()()
