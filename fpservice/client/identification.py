"""Looks audio files up, several at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from fpservice.client.errors import ClientError
from fpservice.client.fpcalc import fingerprint_file
from fpservice.client.results import LookupResult
from fpservice.client.server import Server


@dataclass(frozen=True, slots=True)
class Identification:
    """What was found for a file; ``error`` says why nothing could be."""

    path: Path
    duration: float | None = None
    results: list[LookupResult] = field(default_factory=list)
    error: str | None = None


def identify_files(
    server: Server, paths: Sequence[Path], meta: str, at_once: int
) -> Iterator[Identification]:
    """Yield what each file is, in the order given, ``at_once`` files being worked on."""
    with ThreadPoolExecutor(max_workers=at_once) as threads:
        try:
            yield from threads.map(lambda path: _identify(server, path, meta), paths)
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def _identify(server: Server, path: Path, meta: str) -> Identification:
    try:
        audio = fingerprint_file(path)
        results = server.lookup(audio.fingerprint, audio.duration, meta)
    except ClientError as error:
        return Identification(path, error=str(error))
    return Identification(path, audio.duration, results)
