"""Runs pytest with a build of the extension: ``python -m tests.native.with_extension FILE …``."""

from __future__ import annotations

import importlib.util
import sys

import pytest


def main(path: str, arguments: list[str]) -> int:
    """Load the extension from a file before anything else does, then run the tests."""
    spec = importlib.util.spec_from_file_location("fpservice._native", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["fpservice._native"] = module
    return int(pytest.main(["-p", "no:cacheprovider", *arguments]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
