"""Which kernels compute: those in C, if they were built, or those in numpy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

NUMPY: Final = "numpy"
NATIVE: Final = "native"
CHOICES: Final = (NUMPY, NATIVE)
_VARIABLE: Final = "FPSERVICE_NATIVE"
_QUESTION: Final = "from fpservice import kernels; print(kernels.NAME)"


class NoKernelsError(Exception):
    """The kernels that were asked for are not there."""


def variables(choice: str | None) -> dict[str, str]:
    """Return what to set in the environment for a choice; None leaves it to the service."""
    return {} if choice is None else {_VARIABLE: "0" if choice == NUMPY else "1"}


def in_use(environment: Mapping[str, str]) -> str:
    """Return which kernels a process of the service with this environment works with.

    Raises:
        NoKernelsError: not those that the environment asks for.
    """
    answer = subprocess.run(
        [sys.executable, "-c", _QUESTION],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    name = answer.stdout.strip()
    if environment.get(_VARIABLE) == "1" and name != NATIVE:
        raise NoKernelsError("the native kernels are not built: python -m fpservice.kernels")
    return name
