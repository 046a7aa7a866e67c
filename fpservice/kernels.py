"""Which kernels do the work: those in C where the extension is installed, else those in numpy.

Both give the same results, to the last bit, and raise the same errors. ``FPSERVICE_NATIVE=0`` in
the environment switches the extension off; ``python -m fpservice.kernels`` says it if the kernels
in numpy are in use, and why.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, Protocol, TypeVar, cast

VARIABLE: Final = "FPSERVICE_NATIVE"
# What the extension must say of itself, so that an old one is not taken for a new one.
INTERFACE: Final = 1
_OFF: Final = frozenset({"0", "no", "off", "false"})
# Whatever gives its memory as 32-bit words: an array, a map of a file.
Buffer = Any
T = TypeVar("T", bound=tuple[int, int])
Name = Literal["native", "numpy"]


class NativeComparison(Protocol):
    """A query that is compared with many."""

    def scores(self, candidates: list[Buffer]) -> list[float]:
        """Return the score of each candidate, uint32[m]."""

    def matches(
        self, log: Buffer, positions: list[int], least: float, beginning: int
    ) -> list[tuple[int, int, float]]:
        """Return (id, duration, score) of the records of a log with a score over ``least``.

        With a ``beginning``, only longer records are compared, by so many of their hashes.
        """


class NativeDelta(Protocol):
    """The newest changes of an index."""

    def __len__(self) -> int:
        """Return the number of changes."""

    def append(self, fingerprint_id: int, position: int, duration: int, terms: Buffer, /) -> None:
        """Add a change; position 0: the fingerprint is gone."""

    def read(self, data: Buffer, position: int, /) -> int:
        """Add the records of ``data``, which begins at ``position`` of the log; return their bytes.

        Ends at the first place that holds no whole and undamaged record.
        """


class NativeSegments(Protocol):
    """Mapped segments of an index, searched together with the first ``changes`` of a delta."""

    def search(
        self,
        pair: type[T],
        terms: Buffer,
        delta: NativeDelta | None,
        changes: int,
        limit: int,
        min_hits: int,
        min_percent: int,
        gather_limit: int,
        seconds: float,
        /,
    ) -> list[T]:
        """Return the best (id, hits) as such tuples; all numbers are below 2**64."""

    def locate(
        self,
        fingerprint_ids: list[int],
        delta: NativeDelta | None,
        changes: int,
        log: Buffer,
        low: int,
        high: int,
        limit: int,
        /,
    ) -> list[int]:
        """Return where the fingerprints that last low to high seconds stand in the log."""


class NativeKernels(Protocol):
    """The extension. Its ``ValueError`` has the words that the numpy kernels use too."""

    def decode(self, text: str, most: int, /) -> bytearray:
        """Return the hashes of an encoded fingerprint."""

    def encode(self, hashes: Buffer, version: int, /) -> str:
        """Return the text of hashes."""

    def query_terms(self, hashes: Buffer, /) -> bytearray:
        """Return the query terms."""

    def Comparison(self, query: Buffer, max_offset: int, /) -> NativeComparison:  # noqa: N802
        """Prepare a query."""

    def Delta(self, factor: int, /) -> NativeDelta:  # noqa: N802
        """Return one without changes; ``factor`` is a secret."""

    def Segments(self, arrays: list[tuple[Any, ...]], /) -> NativeSegments:  # noqa: N802
        """Search these (ids, positions, durations, starts, postings, dead, bits)."""


def _load() -> tuple[NativeKernels | None, str]:
    """Return the extension if there is one, and in words why not."""
    if os.environ.get(VARIABLE, "").strip().lower() in _OFF:
        return None, f"{VARIABLE} switches the native ones off"
    try:
        return _extension(), ""
    except ImportError as error:
        return None, f"the native ones are not built: {error}"


def _extension() -> NativeKernels:
    """Return the extension.

    Raises:
        ImportError: it is not built, or from other sources.
    """
    extension = importlib.import_module("fpservice._native")
    if extension.INTERFACE != INTERFACE:
        raise ImportError("the extension is of another version")
    return cast(NativeKernels, extension)


native, _reason = _load()
"""The extension, or None where the numpy kernels are in use."""
NAME: Final[Name] = "numpy" if native is None else "native"
"""Which kernels this process was started with."""


def described() -> str:
    """Return which kernels are in use, and why if they are the slower ones."""
    return "native" if native is not None else f"numpy; {_reason}"


@contextmanager
def using(name: Name) -> Iterator[None]:
    """Have everything that is made or called in the block use these; for tests and benchmarks.

    Raises:
        ImportError: the extension is not built.
    """
    global native
    before = native
    native = None
    if name == "native":
        native = _extension()
    try:
        yield
    finally:
        native = before


if __name__ == "__main__":
    if native is None:
        print(
            f"fpservice runs with the kernels in numpy ({_reason}). They answer the same, but a "
            "search takes them a few times as long. For the native ones install a C compiler and "
            "the headers of Python (Debian and Ubuntu: apt install gcc python3-dev), then install "
            "fpservice again.",
            file=sys.stderr,
        )
