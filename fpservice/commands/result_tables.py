"""How results of lookups are shown; what servers and file names say is never taken for markup."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fpservice.client.results import LookupResult

# Where nobody looks at a terminal, ids must not be broken in two.
_PLAIN_WIDTH: Final = 240
RESULT_COLUMNS: Final = ("score", "title", "artist", "track", "recording")


def result_console() -> Console:
    """Return where to show tables: as wide as the terminal, or wide enough for all of a row."""
    console = Console()
    return console if console.is_terminal else Console(width=_PLAIN_WIDTH)


def result_table(*first_columns: str) -> Table:
    """Return an empty table for results, with more columns in front."""
    table = Table()
    for name in (*first_columns, *RESULT_COLUMNS):
        table.add_column(name, overflow="fold", justify="right" if name == "score" else "left")
    return table


def result_cells(result: LookupResult) -> list[Text]:
    """Return the cells of ``RESULT_COLUMNS``; of several recordings the best is shown."""
    best = result.best
    more = len(result.recordings) - 1
    named = best.id or next((one.id for one in result.recordings if one.id), None)
    recording = " and ".join([*([named] if named else []), *([f"{more} more"] if more > 0 else [])])
    words = (f"{result.score:.3f}", best.title, best.artist, result.track_id, recording)
    return [cell(word) for word in words]


def cell(words: str | None) -> Text:
    """Return text for a table, with a mark for what could steer a terminal."""
    return Text(
        "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in words or "")
    )
