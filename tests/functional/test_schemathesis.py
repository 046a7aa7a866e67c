"""Generated requests get the answers that /openapi.yaml describes; `make fuzz-api` sends more."""

from __future__ import annotations

from pathlib import Path

from tests.fuzzing import fuzz
from tests.fuzzing_hooks import SECRET
from tests.shapes import Shape, serving


def test_generated_requests_get_the_answers_that_are_described(
    shape: Shape, tmp_path: Path
) -> None:
    with serving(shape, tmp_path, "--demo", ACOUSTID_CLUSTER_SECRET=SECRET) as served:
        report = fuzz(served.url, 200, "examples", "fuzzing", seed=1)
        log = served.log.read_text(encoding="utf-8")
    assert report.passed, report.text
    assert report.requests >= 250
    assert "Traceback" not in log, log
