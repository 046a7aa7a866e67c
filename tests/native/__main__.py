"""Fuzzing the kernels in C: ``python -m tests.native [SECONDS]``, or ``make fuzz``.

The time is split over the targets. Inputs that found something new are kept in ``fuzz-corpus``, and
what broke a target in ``fuzz-crashes``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.native import builds
from tests.native.fuzzing import fuzz

HOUR: Final = 3600


def main(seconds: int, corpus: Path = Path("fuzz-corpus")) -> int:
    """Run all targets; return how many broke."""
    crashes = Path("fuzz-crashes")
    crashes.mkdir(exist_ok=True)
    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in builds.NAMES:
            program = builds.fuzz_target(name, Path(folder))
            run = fuzz(program, corpus / name, crashes, seconds // len(builds.NAMES))
            print(f"{name}: {run.summary}", flush=True)
            if not run.ok:
                print(run.output, flush=True)
                broken += 1
    print("All targets held." if not broken else f"{broken} targets broke.", flush=True)
    return broken


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else HOUR))
