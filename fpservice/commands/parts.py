"""What a command works with: the parts of the configured installation, closed at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fpservice.bootstrap import Parts, build_parts
from fpservice.config import Config, ConfigError, load_config
from fpservice.observability.logs import configure_logging
from fpservice.services.doctor.databases import is_there


@contextmanager
def opened_parts(*, may_be_new: bool = False) -> Iterator[Parts]:
    """Yield the parts of the configuration that the environment names.

    Raises:
        ConfigError: there is no such installation, unless it ``may_be_new``.
    """
    config = load_config()
    configure_logging(config)
    parts = build_parts(config)
    try:
        if not may_be_new:
            _check_installed(parts, config)
        yield parts
    finally:
        parts.close()


def _check_installed(parts: Parts, config: Config) -> None:
    """Refuse to go on in a folder without the files of SQLite; a read would make empty ones."""
    if not all(is_there(database) for database in parts.databases.all()):
        raise ConfigError(
            f"there are no databases in {config.data_dir} yet: run this where `fpservice serve`"
            " runs, or set FPSERVICE_DATA to its data folder; `fpservice db upgrade` makes new ones"
        )
