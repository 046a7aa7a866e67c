"""All that a worker process runs: importers side by side, and the sweeper."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from fpservice.interfaces import SubmissionConsumer
from fpservice.worker.importer import Importer
from fpservice.worker.sweeper import Sweeper


class Importers:
    """Runs until stopped."""

    def __init__(
        self, importers: Sequence[Importer], sweeper: Sweeper, consumer: SubmissionConsumer
    ) -> None:
        """Close ``consumer`` at the end."""
        self._importers = importers
        self._sweeper = sweeper
        self._consumer = consumer

    def stop(self) -> None:
        """Have all finish what they have at hand; safe in a signal handler."""
        for importer in self._importers:
            importer.stop()
        self._sweeper.stop()

    def run(self) -> None:
        """Import until stopped; the first importer runs in this thread."""
        first, *others = self._importers
        threads = [
            threading.Thread(target=one.run, name=f"importer-{number}")
            for number, one in enumerate(others, 2)
        ]
        threads.append(threading.Thread(target=self._sweeper.run, name="sweeper"))
        for thread in threads:
            thread.start()
        try:
            first.run()
        finally:
            self.stop()
            for thread in threads:
                thread.join()
            self._consumer.close()
