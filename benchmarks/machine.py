"""The machine that measures, for reports."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def describe() -> dict[str, str | float]:
    """Return processors, their model, Python, kernel, and how busy the machine is with all."""
    return {
        "processors": os.cpu_count() or 0,
        "model": _model(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
    }


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
