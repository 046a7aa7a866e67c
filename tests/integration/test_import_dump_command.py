"""``fpservice import-dump`` as a user meets it, kills included."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

DATASET = Path(__file__).parents[1] / "conformance_data" / "dataset"
COMMAND = (sys.executable, "-m", "fpservice.cli")
SECONDS = 60.0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An installation of its own on SQLite."""
    others = ("ACOUSTID_", "FPSERVICE_")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(others)}
    return kept | {"FPSERVICE_DATA": str(tmp_path / "data")}


def run(
    environment: dict[str, str], folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def count(folder: Path, table: str) -> int:
    path = folder / "data" / "fingerprint.db"
    try:
        with closing(sqlite3.connect(path, timeout=5)) as connection:
            [(number,)] = connection.execute(f"SELECT count(*) FROM {table}")
    except sqlite3.OperationalError:
        return 0
    return int(number)


def cells(output: str, name: str) -> list[str]:
    [line] = [line for line in output.splitlines() if name in line and "│" in line]
    return [cell.strip() for cell in line.strip("│").split("│")][1:]


def test_a_summary_says_what_became_of_each_file(
    environment: dict[str, str], tmp_path: Path
) -> None:
    bad = tmp_path / "meta-update.jsonl"
    bad.write_bytes(b'{"id": 1, "track": "One"}\n{"track": "Two"}\n')
    result = run(environment, tmp_path, "import-dump", str(DATASET), str(bad))
    assert result.returncode == 0, result.stderr
    assert cells(result.stdout, "track_mbid-update") == ["199", "180", "19", "0"]
    assert cells(result.stdout, "meta-update.jsonl ") == ["2", "1", "0", "1"]
    rejects = tmp_path / "import-rejects"
    [kept] = rejects.iterdir()
    assert str(kept.relative_to(tmp_path)) in result.stdout
    assert kept.read_text(encoding="utf-8") == '2\tid is missing\t{"track": "Two"}\n'
    assert count(tmp_path, "index_change") == 136


def test_the_index_is_built_at_the_end_if_wished(
    environment: dict[str, str], tmp_path: Path
) -> None:
    result = run(environment, tmp_path, "import-dump", "--index-at-end", str(DATASET))
    assert result.returncode == 0, result.stderr
    assert "136 fingerprints are in the new index" in result.stdout
    assert count(tmp_path, "index_change") == 0
    verified = run(environment, tmp_path, "index", "verify")
    assert verified.returncode == 0, verified.stdout


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08\x00rubbish", None])
def test_what_cannot_be_read_is_an_error(
    environment: dict[str, str], tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / ("track-update.jsonl.gz" if content else "notes.txt")
    path.write_bytes(content or b"")
    result = run(environment, tmp_path, "import-dump", str(path))
    assert result.returncode == 2
    assert str(path) in result.stderr
    assert "Traceback" not in result.stderr


def test_an_import_goes_on_after_a_kill(environment: dict[str, str], tmp_path: Path) -> None:
    total = 40_000
    path = tmp_path / "2025-01-01-track-update.jsonl.gz"
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as file:
        for number in range(1, total + 1):
            file.write(json.dumps({"id": number, "gid": str(UUID(int=number))}) + "\n")
    arguments = [*COMMAND, "import-dump", str(path)]
    with subprocess.Popen(
        arguments, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL
    ) as process:
        started = time.monotonic()
        while not count(tmp_path, "track"):
            assert time.monotonic() - started < SECONDS
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    before = count(tmp_path, "track")
    assert 0 < before < total
    result = run(environment, tmp_path, "import-dump", str(path))
    stored, unchanged = f"{total - before:,}", f"{before:,}"
    assert cells(result.stdout, path.name) == [f"{total:,}", stored, unchanged, "0"]
    assert count(tmp_path, "track") == total
