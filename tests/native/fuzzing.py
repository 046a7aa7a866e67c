"""Running one fuzz target for a while."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.native import builds, seeds

# No input is worth more than this; longer ones only make each run slower.
_LONGEST: Final = 4_000
_MARGIN: Final = 120


@dataclass(frozen=True, slots=True)
class Run:
    """How a run ended; ``output`` is what the target wrote."""

    ok: bool
    output: str

    @property
    def inputs(self) -> int:
        """Number of inputs that were tried."""
        found = re.search(r"stat::number_of_executed_units:\s+(\d+)", self.output)
        return int(found[1]) if found else 0

    @property
    def covered(self) -> int:
        """Number of edges of the program that were reached."""
        return max((int(one) for one in re.findall(r"cov: (\d+)", self.output)), default=0)

    @property
    def summary(self) -> str:
        """The run in a few words."""
        words = f"{self.inputs:,} inputs, {self.covered} edges"
        return words if self.ok else f"BROKEN after {words}"


def fuzz(program: Path, corpus: Path, crashes: Path, seconds: int) -> Run:
    """Feed a target for a time, from the golden seeds and what earlier runs kept in ``corpus``."""
    seeds.write(program.name, corpus)
    done = subprocess.run(
        [
            str(program), f"-max_total_time={seconds}", f"-max_len={_LONGEST}", "-timeout=10",
            "-print_final_stats=1", "-rss_limit_mb=2048",
            f"-artifact_prefix={crashes}/{program.name}-", str(corpus),
        ],
        env={**os.environ, **builds.OPTIONS},
        capture_output=True, text=True, errors="replace", timeout=seconds + _MARGIN,
    )  # fmt: skip
    output = done.stdout + done.stderr
    return Run(done.returncode == 0, output[:4_000] + "\n...\n" + output[-8_000:])
