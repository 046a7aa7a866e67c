"""Schemathesis asks a served process whatever /openapi.yaml allows, and what it does not allow.

``python -m tests.fuzzing 10000`` sends about so many requests to a new installation.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.fuzzing_hooks import SECRET
from tests.openapi_document import operations
from tests.served import Served

ROOT = Path(__file__).parents[1]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "well_formed",
)
# A request that takes longer has hung; one that asks to wait for an import may take 10 seconds.
TIME_LIMIT = 15


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it: ``requests`` sent, and all that Schemathesis printed."""

    passed: bool
    requests: int
    text: str


def fuzz(url: str, examples: int, *phases: str, seed: int | None = None) -> Report:
    """Send about ``examples`` generated requests to the service at ``url``."""
    number = max(1, math.ceil(examples / sum(1 for _ in operations())))
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.yaml",
        "--checks", ",".join(CHECKS), "--phases", ",".join(phases),
        "--max-examples", str(number), "--request-timeout", str(TIME_LIMIT),
        "--continue-on-failure", "--generation-database", "none", "--warnings", "off", "--no-color",
        *(["--seed", str(seed)] if seed is not None else []),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="fpservice-fuzzing-") as folder:
        done = subprocess.run(
            command,
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "SCHEMATHESIS_HOOKS": "tests.fuzzing_hooks",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    counted = re.search(r"(\d+) generated", done.stdout)
    return Report(done.returncode == 0, int(counted[1]) if counted else 0, done.stdout)


def main(examples: int) -> int:
    """Fuzz a new installation and print the report."""
    with tempfile.TemporaryDirectory(prefix="fpservice-fuzzing-") as data:
        variables = {"FPSERVICE_DATA": data, "ACOUSTID_CLUSTER_SECRET": SECRET}
        with Served.start(variables, "--demo") as served:
            report = fuzz(served.url, examples, "examples", "coverage", "fuzzing")
            log = served.log.read_text(encoding="utf-8")
    print(report.text)
    if "Traceback" in log:
        print(log)
    return 0 if report.passed and "Traceback" not in log else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
