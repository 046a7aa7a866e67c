"""What a submission is, and the rules for what contributors send."""

from __future__ import annotations

import enum
import hashlib
import re
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from fpservice.domain.fingerprint import Hashes, distinct

MAX_DURATION: Final = 32_767
NO_METADATA: Final = "no metadata: an MBID, a PUID, a foreign id or text is needed"
MAX_NUMBER: Final = 10_000
MIN_DISTINCT_HASHES: Final = 80
NIL: Final = uuid.UUID(int=0)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FOREIGN_ID: Final = re.compile(r"[0-9a-z]+:[^\x00-\x1f\x7f]+")
_BLANKS: Final = re.compile(r"[\s\x00]+")


class State(enum.Enum):
    """What became of a submission."""

    PENDING = "pending"
    IMPORTED = "imported"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SubmittedText:
    """Metadata as a contributor's files have it."""

    track: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    track_no: int | None = None
    disc_no: int | None = None
    year: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return all fields by name."""
        return asdict(self)

    def __bool__(self) -> bool:
        """Whether anything at all is known."""
        return self != _NO_TEXT

    def digest(self) -> int:
        """Return a signed 64-bit hash by which equal text is found again."""
        parts = "\x1f".join("" if v is None else str(v) for v in asdict(self).values())
        hashed = hashlib.blake2b(parts.encode(), digest_size=8).digest()
        return int.from_bytes(hashed, "big", signed=True)


_NO_TEXT: Final = SubmittedText()


@dataclass(frozen=True, slots=True)
class Submission:
    """One fingerprint with one set of metadata; ``duration`` in seconds, ``bitrate`` in kbit/s."""

    account_id: int
    application_id: int
    application_version: str
    hashes: Hashes = field(repr=False)
    duration: int = 0
    bitrate: int | None = None
    format: str | None = None
    mbid: uuid.UUID | None = None
    puid: uuid.UUID | None = None
    foreignid: str | None = None
    text: SubmittedText = field(default_factory=SubmittedText)

    def has_metadata(self) -> bool:
        """Whether there is anything that the fingerprint could be linked to."""
        return bool(self.mbid or self.puid or self.foreignid or self.text)


def reason_to_reject(submission: Submission) -> str | None:
    """Return why a submission cannot be imported, or None."""
    if submission.duration <= 0:
        return "the duration is not positive"
    if not submission.has_metadata():
        return NO_METADATA
    if distinct(submission.hashes) < MIN_DISTINCT_HASHES:
        return f"fewer than {MIN_DISTINCT_HASHES} distinct hashes: too short or too silent"
    return None


def parse_uuid(text: str) -> uuid.UUID | None:
    """Return the UUID written with hyphens, in any case; None if it is none."""
    return uuid.UUID(text) if _UUID.fullmatch(text) else None


def is_foreign_id(text: str) -> bool:
    """Whether the text has the form ``vendor:id``."""
    return len(text) <= 1000 and _FOREIGN_ID.fullmatch(text) is not None


def clean_text(text: str | None) -> str | None:
    """Return text trimmed and with each run of white space or NUL as one blank; None if empty."""
    if text is None:
        return None
    return _BLANKS.sub(" ", text).strip() or None


def sane_number(number: int | None) -> int | None:
    """Return a track, disc or year number; None where it cannot be one."""
    return number if number is not None and 0 < number <= MAX_NUMBER else None
