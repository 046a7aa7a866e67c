"""The kernels in C under AddressSanitizer and UndefinedBehaviorSanitizer: fuzzed, and as Python
loads them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.native import builds
from tests.native.fuzzing import fuzz

_SECONDS: Final = 6
_CONTRACTS: Final = (
    "tests/contract/test_kernel_contract.py",
    "tests/contract/test_kernel_index_contract.py",
)


@pytest.mark.parametrize("name", builds.NAMES)
def test_a_target_holds_for_a_while(name: str, tmp_path: Path) -> None:
    program = builds.fuzz_target(name, tmp_path)
    run = fuzz(program, tmp_path / "corpus", tmp_path, _SECONDS)
    assert run.ok, run.output
    assert run.inputs > 100, run.output
    assert run.covered > 20, run.output


def test_a_target_that_breaks_is_noticed(tmp_path: Path) -> None:
    source = tmp_path / "breaks.c"
    source.write_text(
        "#include <stdlib.h>\n"
        "int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {\n"
        "    char *copy = malloc(size + 1);\n"
        "    copy[0] = size ? (char)data[size - 1] : 0;\n"
        "    int beyond = copy[size + 1];\n"
        "    free(copy);\n"
        "    return beyond < -128;\n"
        "}\n"
    )
    program = tmp_path / "codec"
    command = ["clang", "-g", "-fsanitize=fuzzer,address", str(source), "-o", str(program)]
    subprocess.run(command, check=True, timeout=120)
    run = fuzz(program, tmp_path / "corpus", tmp_path, 5)
    assert not run.ok
    assert "heap-buffer-overflow" in run.output


def test_python_loads_and_uses_them(tmp_path: Path) -> None:
    module = builds.extension(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "tests.native.with_extension", str(module), "-x", *_CONTRACTS],
        env={**os.environ, **builds.preloaded(), "KERNEL_EXAMPLES": "20"},
        cwd=builds.ROOT, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-8_000:]
    assert " passed" in done.stdout or "100%" in done.stdout
