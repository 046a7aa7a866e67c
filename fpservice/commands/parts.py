"""What a command works with: the parts of the configured installation, closed at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fpservice.bootstrap import Parts, build_parts
from fpservice.config import load_config
from fpservice.observability.logs import configure_logging


@contextmanager
def opened_parts() -> Iterator[Parts]:
    """Yield the parts of the configuration that the environment names."""
    config = load_config()
    configure_logging(config)
    parts = build_parts(config)
    try:
        yield parts
    finally:
        parts.close()
