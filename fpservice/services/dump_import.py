"""The import of a dump: line by line, in batches that are each one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from fpservice.db.fingerprint.dump_rows import Row, reserve_dump_ids, write_rows
from fpservice.db.locks import lock_imports
from fpservice.db.transaction import Database
from fpservice.dumps.files import DumpFile, DumpFileError, find_dump_files
from fpservice.dumps.reader import DumpReader, Line
from fpservice.dumps.rejects import RejectFile
from fpservice.dumps.rows import BadLineError, parse_line
from fpservice.services.dump_summary import FileSummary, Progress, Summary

BATCH_ROWS = 2000
# Fingerprints are large: what a batch holds is bounded by its bytes too.
BATCH_BYTES = 8 * 1024 * 1024
REJECTS = Path("import-rejects")
# Ids that what is submitted here does not take, so that a later day of the dump does not meet it
# at once.
RESERVED_IDS = 1000


@dataclass(slots=True)
class _Batch:
    lines: list[Line] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    size: int = 0

    def add(self, line: Line, row: Row) -> None:
        self.lines.append(line)
        self.rows.append(row)
        self.size += len(line.content)

    def clear(self) -> None:
        self.lines.clear()
        self.rows.clear()
        self.size = 0

    def is_full(self) -> bool:
        return len(self.rows) >= BATCH_ROWS or self.size >= BATCH_BYTES


class DumpImport:
    """Imports dump files into the database ``fingerprint``; the same ones again change nothing."""

    def __init__(
        self, fingerprint: Database, rejects: Path = REJECTS, *, index_at_end: bool = False
    ) -> None:
        """Keep bad lines in the folder ``rejects``.

        Each fingerprint that is new or different is queued for the index, in the transaction that
        stores it. With ``index_at_end`` it is not: the caller rebuilds the index afterwards, which
        is faster where most of the index would change.
        """
        self._fingerprint = fingerprint
        self._rejects = rejects
        self._queue_changes = not index_at_end

    def import_files(
        self, paths: Iterable[Path], progress: Callable[[Progress], None] | None = None
    ) -> Summary:
        """Import files and folders; ``progress`` is called after each batch.

        A damaged file is imported as far as it goes and does not stop the others.

        Raises:
            DumpFileError: a path is no dump.
            RejectsError: the rejects cannot be written.
            DatabaseUnavailableError: the database does not answer. Import again: what is stored
                is left alone.
        """
        files = find_dump_files(paths)
        names: Counter[str] = Counter()
        meter = _Meter(files, progress)
        summaries = []
        for file in files:
            names[file.path.name] += 1
            rejects = self._rejects / _reject_name(file, names[file.path.name])
            summaries.append(self._import_file(file, rejects, meter))
        if any(summary.stored for summary in summaries):
            with self._fingerprint.writing() as connection:
                reserve_dump_ids(connection, RESERVED_IDS)
        return Summary(summaries)

    def _import_file(self, file: DumpFile, path: Path, meter: _Meter) -> FileSummary:
        with RejectFile(path) as rejects:
            summary = _FileImport(self._fingerprint, file, rejects, self._queue_changes).run(meter)
        return replace(summary, rejects=path if rejects.count else None, bad=rejects.count)


class _FileImport:
    """One file, from its lines to its rows."""

    def __init__(
        self, database: Database, file: DumpFile, rejects: RejectFile, queue_changes: bool
    ) -> None:
        self._database = database
        self._file = file
        self._rejects = rejects
        self._queue_changes = queue_changes
        self._read = 0
        self._stored = 0

    def run(self, meter: _Meter) -> FileSummary:
        error = None
        batch = _Batch()
        try:
            with DumpReader(self._file.path) as reader:
                for line in reader:
                    self._take(line, batch)
                    if batch.is_full():
                        self._store(batch)
                        batch.clear()
                        meter.advance(self._file, self._read, reader.position)
        except DumpFileError as damage:
            error = str(damage)
        # Also what was read before the damage.
        self._store(batch)
        meter.finish(self._file, self._read)
        return FileSummary(self._file, self._read, self._stored, error=error)

    def _take(self, line: Line, batch: _Batch) -> None:
        self._read += 1
        row = self._parse(line)
        if row is not None:
            batch.add(line, row)

    def _parse(self, line: Line) -> Row | None:
        if line.too_long:
            self._rejects.add(line, "longer than any line of a dump")
            return None
        try:
            return parse_line(
                self._file.stream,
                line.content,
                doubled_backslashes=self._file.doubled_backslashes,
            )
        except BadLineError as error:
            self._rejects.add(line, str(error))
            return None

    def _store(self, batch: _Batch) -> None:
        if not batch.rows:
            return
        with self._database.writing() as connection:
            # Mergers of tracks move the links that are there, and would miss those that come.
            lock_imports(connection)
            written = write_rows(
                connection, self._file.stream, batch.rows, queue_changes=self._queue_changes
            )
        self._stored += written.changed
        for number, reason in sorted(written.refused.items()):
            self._rejects.add(batch.lines[number], reason)


class _Meter:
    """Adds up how far all files together are."""

    def __init__(self, files: list[DumpFile], report: Callable[[Progress], None] | None) -> None:
        self._sizes = {file.path: file.path.stat().st_size for file in files}
        self._total = sum(self._sizes.values())
        self._position = 0
        self._read = 0
        self._report = report

    def advance(self, file: DumpFile, read: int, position: int) -> None:
        if self._report:
            self._report(Progress(file, self._read + read, self._position + position, self._total))

    def finish(self, file: DumpFile, read: int) -> None:
        self._read += read
        self._position += self._sizes[file.path]
        self.advance(file, 0, 0)


def _reject_name(file: DumpFile, occurrence: int) -> str:
    # Undated files of several folders have the same name.
    folder = f"{file.path.parent.name}-{occurrence}-" if occurrence > 1 else ""
    return f"{folder}{file.path.name}.rejects"
