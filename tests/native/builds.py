"""Builds of the kernels in C that watch themselves: for fuzzing, and to be loaded by Python."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ROOT / "fpservice" / "native"
TARGETS: Final = Path(__file__).with_name("targets")
NAMES: Final = tuple(sorted(path.stem for path in TARGETS.glob("*.c")))
_WATCHED: Final = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
_COMMON: Final = ("-std=c11", "-g", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off")
# Whatever a sanitizer says ends the process; our own allocations are watched for leaks too.
OPTIONS: Final = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


def fuzz_target(name: str, folder: Path) -> Path:
    """Return the program that feeds one kernel with made up input."""
    program = folder / name
    plain = [path for path in sorted(SOURCES.glob("*.c")) if not path.name.startswith("py")]
    _run(
        "clang", *_COMMON, "-O1", "-fsanitize=fuzzer", *_WATCHED, f"-I{SOURCES}", f"-I{TARGETS}",
        str(TARGETS / f"{name}.c"), *map(str, plain), "-lm", "-o", str(program),
    )  # fmt: skip
    return program


def extension(folder: Path) -> Path:
    """Return the extension, watched; :func:`preloaded` has to be in the environment."""
    module = folder / "_native.abi3.so"
    _run(
        *compiler(), *_COMMON, "-O1", "-fPIC", "-shared", *_WATCHED,
        f"-I{sysconfig.get_path('include')}", *map(str, sorted(SOURCES.glob("*.c"))),
        "-lm", "-o", str(module),
    )  # fmt: skip
    return module


def preloaded() -> dict[str, str]:
    """Return what has to be in the environment of a Python that loads the watched extension."""
    libraries = [_library("libasan.so"), _library("libubsan.so")]
    return {
        **OPTIONS,
        # Python keeps much until its end; leaks of kernels are looked for by the fuzz targets.
        "ASAN_OPTIONS": OPTIONS["ASAN_OPTIONS"] + ":detect_leaks=0",
        "LD_PRELOAD": " ".join(libraries),
        # Its own pools would hide where one object ends and the next begins.
        "PYTHONMALLOC": "malloc",
    }


def compiler() -> list[str]:
    """Return the command that compiles extensions."""
    named = shlex.split(sysconfig.get_config_var("CC") or "cc")
    return ["gcc"] if shutil.which("gcc") else named[:1]


def _library(name: str) -> str:
    return _run(*compiler(), f"-print-file-name={name}").strip()


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
