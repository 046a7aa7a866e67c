"""Builds the kernels in C where that is possible; everything else is said in setup.cfg."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCES = Path("fpservice/native")
FLAGS = ["-std=c11", "-O3", "-ffp-contract=off", "-fvisibility=hidden", "-Wall", "-Wextra"]


class BuildKernels(build_ext):
    """Goes on without the kernels in C, and says so, if they cannot be compiled."""

    def build_extension(self, ext: Extension) -> None:
        """Compile; whatever goes wrong, the kernels in numpy do the same work."""
        try:
            super().build_extension(ext)
        except Exception:
            print(
                "fpservice: the native kernels cannot be built. The service works "
                "without them, with the kernels in numpy; a search takes it a few times as long.",
                file=sys.stderr,
            )
            raise


setup(
    ext_modules=[
        Extension(
            "fpservice._native",
            sources=sorted(path.as_posix() for path in SOURCES.glob("*.c")),
            depends=sorted(path.as_posix() for path in SOURCES.glob("*.h")),
            extra_compile_args=FLAGS,
            libraries=["m"],
            py_limited_api=True,
            optional=True,
        )
    ],
    cmdclass={"build_ext": BuildKernels},
)
