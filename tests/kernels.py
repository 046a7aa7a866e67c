"""The kernels in numpy and in C: what tests run on both."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import shutil
import sysconfig
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fpservice import kernels
from fpservice.kernels import NativeKernels

GOLDEN: Final = Path(__file__).with_name("golden")
# How many examples of anything are made up; fewer where a run is slow for another reason.
EXAMPLES: Final = int(os.environ.get("KERNEL_EXAMPLES", "200"))
NAMES: Final[tuple[kernels.Name, ...]] = ("numpy", "native")


def can_be_built() -> bool:
    """Whether there is a compiler for extensions of this Python."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    return shutil.which(shlex.split(compiler)[0]) is not None


def extension() -> NativeKernels:
    """Return the kernels in C; that they are not built is a failure, not a reason to skip."""
    with kernels.using("native"):
        assert kernels.native is not None
        return kernels.native


def golden_rows(name: str) -> list[dict[str, Any]]:
    """Return the lines of a golden file."""
    with gzip.open(GOLDEN / f"{name}_golden.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def music(seed: int, length: int, repeated: float = 0.1) -> NDArray[np.uint32]:
    """Return ``uint32[length]`` with the traits of music: neighbours are alike, phrases return."""
    random = np.random.default_rng(seed)
    steps = np.zeros(length, dtype=np.uint32)
    for _ in range(4):
        steps ^= np.uint32(1) << random.integers(0, 32, length, dtype=np.uint32)
    hashes = np.bitwise_xor.accumulate(steps)
    phrase = int(length * repeated)
    if phrase:
        hashes[-phrase:] = hashes[:phrase]
    return hashes
