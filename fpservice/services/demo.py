"""A small catalogue of real music, so that a new installation has something to find."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Final

from fpservice.domain.fingerprint import decode, encode
from fpservice.domain.submission import Submission, SubmittedText
from fpservice.services.api_keys import ApiKeys
from fpservice.services.submission import SubmissionService

APPLICATION_KEY: Final = "demo-app-key"
USER_KEY: Final = "demo-user-key"
# Enough of a recording to be found by, and short enough to be copied: about 20 seconds.
_EXAMPLE_HASHES: Final = 160


@dataclass(frozen=True, slots=True)
class DemoTrack:
    """A track of the demo catalogue; ``duration`` in seconds, ``fingerprint`` encoded."""

    title: str
    artist: str
    album: str
    duration: int
    fingerprint: str


class DemoService:
    """Loads the demo catalogue into an empty installation."""

    def __init__(self, api_keys: ApiKeys, submission: SubmissionService) -> None:
        """Add keys and submit like any contributor."""
        self._api_keys = api_keys
        self._submission = submission

    def is_wanted(self) -> bool:
        """Whether nobody uses this installation yet."""
        return not self._api_keys.applications()

    def load(self) -> list[int]:
        """Add the demo keys and submit the catalogue; return the submissions' ids."""
        application = self._api_keys.add_application("fpservice demo", apikey=APPLICATION_KEY)
        account = self._api_keys.add_account("demo", apikey=USER_KEY)
        return self._submission.submit(
            [
                Submission(
                    account_id=account.id,
                    application_id=application.id,
                    application_version="",
                    hashes=decode(track.fingerprint),
                    duration=track.duration,
                    text=SubmittedText(track=track.title, artist=track.artist, album=track.album),
                )
                for track in demo_tracks()
            ]
        )

    def is_loaded(self) -> bool:
        """Whether the demo keys are there and active."""
        return self._api_keys.application(APPLICATION_KEY) is not None


def demo_tracks() -> Iterator[DemoTrack]:
    """Yield the demo catalogue."""
    source = resources.files("fpservice") / "data" / "demo.jsonl.gz"
    with source.open("rb") as raw, gzip.open(raw, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield DemoTrack(**json.loads(line))


def example() -> DemoTrack:
    """Return a track whose fingerprint is cut short, for a command line to copy."""
    track = next(demo_tracks())
    short = encode(decode(track.fingerprint)[:_EXAMPLE_HASHES])
    return DemoTrack(track.title, track.artist, track.album, track.duration, short)
