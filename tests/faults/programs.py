"""The programs of the service as a round runs them: the same, but less patient.

What a large installation waits for to be sure, a few clips need not wait for; and few clips are to
fill segments of the index, so that these are written and merged in a round too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

from gunicorn.app.wsgiapp import run as run_gunicorn

import fpservice.wsgi  # noqa: F401 (loaded here, it need not be in each child)
from fpservice.commands.worker import worker
from fpservice.index.embedded import EmbeddedIndex
from fpservice.services import import_tries, ingestion
from fpservice.worker import importer
from tests.faults.steps import dying, kill_importers_of, lingering, watch

_FLUSH_DOCUMENTS = 8
_CLAIM_SECONDS = 0.5
_UNAVAILABLE_SECONDS = 0.3
_MAX_PAUSE_SECONDS = 1.0


def watch_step(step: str, die_at: int, linger: float) -> None:
    """Have this process die at a step, or linger there."""
    watch(step, dying(die_at) if die_at else lingering(linger))


def die_of(clips: Sequence[int]) -> None:
    """Have this process die whenever it imports one of these clips."""
    if clips:
        kill_importers_of({str(number) for number in clips})


def run_worker() -> None:
    """Be ``fpservice worker``."""
    _be_impatient()
    worker.main(args=[], standalone_mode=False)


def run_web() -> None:
    """Be the web service of ``fpservice serve --no-worker``, where the environment says."""
    sys.argv = ["gunicorn", "-c", "python:fpservice.gunicorn_conf", "fpservice.wsgi:build()"]
    os.setpgid(0, 0)
    run_gunicorn()


PROGRAMS: dict[str, Callable[[], None]] = {"worker": run_worker, "web": run_web}


def _be_impatient() -> None:
    _set(ingestion, "_CLAIM_TIME", _CLAIM_SECONDS)
    _set(import_tries, "_LEAST_DELAY", _CLAIM_SECONDS)
    _set(importer, "_UNAVAILABLE_DELAY", _UNAVAILABLE_SECONDS)
    _set(importer, "_MAX_PAUSE", _MAX_PAUSE_SECONDS)
    defaults = EmbeddedIndex.__init__.__kwdefaults__
    assert defaults is not None
    defaults["flush_documents"] = _FLUSH_DOCUMENTS


def _set(module: ModuleType, name: str, value: float) -> None:
    assert hasattr(module, name), f"{module.__name__} has no {name}"
    setattr(module, name, value)
