"""Several fpindex servers that hold the same index: whom to ask, and whom to ask next."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from fpservice.domain.errors import IndexUnavailableError
from fpservice.index.http_calls import IndexMissingError
from fpservice.index.http_node import HttpNode, NodeFailedError
from fpservice.index.wire import WireError

_T = TypeVar("_T")
Call = Callable[[HttpNode, float], _T]


class HttpNodes:
    """Asks one server after another until one answers.

    A request must do no harm when it is made twice: a server that did not answer may have heard it.
    """

    def __init__(self, nodes: Sequence[HttpNode]) -> None:
        """Ask these, the first one first."""
        self._nodes: Final = tuple(nodes)
        self._turn = itertools.count()

    @property
    def names(self) -> str:
        """Hosts and ports."""
        return ", ".join(node.name for node in self._nodes)

    def ask(self, call: Call[_T], call_limit: float, limit: float, *, in_turn: bool) -> _T:
        """Return what ``call`` makes of a server and the seconds it has for it.

        Each server that is not left alone is tried once, and once more if it broke a connection
        off: that may have been an old one, which the server had closed in the meantime.

        Args:
            call: raises NodeFailedError, WireError or IndexMissingError.
            call_limit: seconds for one server.
            limit: seconds for all.
            in_turn: begin with the next server each time, not with the first.

        Raises:
            IndexMissingError: all that answered have no such index.
            IndexUnavailableError: none answered, or not in time.
        """
        deadline = time.monotonic() + limit
        reasons: list[str] = []
        missing = None
        for node in self._order(in_turn):
            for _ in range(2):
                left = min(deadline - time.monotonic(), call_limit)
                if left <= 0:
                    reasons.append("no time left")
                    break
                try:
                    return call(node, left)
                except IndexMissingError as error:
                    missing = error
                    break
                except WireError as error:
                    node.blame()
                    reasons.append(f"{node.name} answered with no proper body: {error}")
                    break
                except NodeFailedError as error:
                    reasons.append(str(error))
                    if not error.lost:
                        break
        if missing is not None and not reasons:
            raise missing
        told = "; ".join(reasons) or f"{self.names} failed a moment ago and is left alone"
        raise IndexUnavailableError(f"the index does not answer: {told}")

    def close(self) -> None:
        """Let go of all connections."""
        for node in self._nodes:
            node.close()

    def _order(self, in_turn: bool) -> Iterator[HttpNode]:
        first = next(self._turn) % len(self._nodes) if in_turn else 0
        for node in self._nodes[first:] + self._nodes[:first]:
            if node.is_usable():
                yield node
