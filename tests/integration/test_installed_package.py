"""The package as a wheel brings it, away from the source tree."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
import requests

from tests.services import free_port

ROOT = Path(__file__).parents[2]
SOURCES = (
    "setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE",
    "fpservice", "alembic",
)  # fmt: skip


_DECODE = """
from fpservice import kernels
from fpservice.domain.fingerprint import decode, encode
import numpy
print(kernels.__file__)
print(kernels.described())
print(decode(encode(numpy.array([5, 4], dtype=numpy.uint32))).tolist())
"""


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program ``fpservice`` of a new virtual environment with the built wheel."""
    directory = tmp_path_factory.mktemp("installed")
    copy_sources(directory / "source")
    wheel = build_wheel(directory)
    environment = directory / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", str(environment))
    python = str(environment / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", "-q", "--no-deps", "--no-index", str(wheel))
    # What it needs is here already; only the service itself must come from the wheel.
    [packages] = environment.glob("lib/python*/site-packages")
    (packages / "needs.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment / "bin" / "fpservice"


def copy_sources(directory: Path) -> None:
    directory.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.so")
            shutil.copytree(source, directory / name, ignore=ignored)
        else:
            shutil.copy(source, directory / name)


def build_wheel(directory: Path) -> Path:
    source = str(directory / "source")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(directory), source)
    [wheel] = directory.glob("fpservice-*.whl")
    return wheel


def run(*arguments: str) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=240, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr


def variables(tmp_path: Path) -> dict[str, str]:
    # Neither a home nor a place to write but the data directory, as in a container.
    return {**os.environ, "FPSERVICE_DATA": str(tmp_path), "HOME": "/nonexistent"}


def test_it_brings_the_kernels_in_c(command: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [command, "--version"],
        env=variables(tmp_path), cwd="/", capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip().endswith("kernels: native"), done.stdout + done.stderr


def test_without_a_compiler_it_is_built_without_them_and_says_so(tmp_path: Path) -> None:
    copy_sources(tmp_path / "source")
    pip = [sys.executable, "-m", "pip", "wheel", "-v", "--no-deps", "-w", str(tmp_path)]
    built = subprocess.run(
        [*pip, str(tmp_path / "source")],
        env={**os.environ, "CC": "/bin/false"},
        cwd="/", capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    assert "the native kernels cannot be built" in built.stdout + built.stderr
    [wheel] = tmp_path.glob("fpservice-*.whl")
    shutil.unpack_archive(wheel, tmp_path / "unpacked", "zip")
    assert not list((tmp_path / "unpacked").rglob("*.so"))
    # Only the service itself comes from the wheel; what is installed here must not add to it.
    path = f"{tmp_path / 'unpacked'}{os.pathsep}{sysconfig.get_path('purelib')}"
    asked = subprocess.run(
        [sys.executable, "-S", "-c", _DECODE],
        env={**variables(tmp_path), "PYTHONPATH": path},
        cwd="/", capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    [where, kernels, hashes] = asked.stdout.splitlines()
    assert where.startswith(str(tmp_path / "unpacked"))
    assert kernels.startswith("numpy; the native ones are not built")
    assert hashes == "[5, 4]"


def test_it_brings_its_migrations(command: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [command, "db", "upgrade"],
        env=variables(tmp_path), cwd="/", capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("up to date") == 3


def test_it_serves_and_says_nothing_on_the_way(command: Path, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [command, "serve", "--no-demo", "--port", str(port)],
            env=variables(tmp_path), cwd="/", stdout=output, stderr=output,
        )  # fmt: skip
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}/_health", process, log)
        assert log.read_text().split("(stop it")[0].strip().startswith("fpservice answers at")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(45) == 0


def wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while "answers at" not in log.read_text() or not requests.get(url, timeout=5).ok:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)
