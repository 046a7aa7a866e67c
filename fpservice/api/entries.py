"""What a submission brings, read from its parameters."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fpservice.api import errors
from fpservice.api.context import services
from fpservice.api.errors import ApiError
from fpservice.api.params import Params, required_uuid
from fpservice.api.queries import read_hashes
from fpservice.domain.caller import Account, Application
from fpservice.domain.submission import (
    MAX_DURATION,
    NIL,
    NO_METADATA,
    State,
    Submission,
    SubmittedText,
    clean_text,
    is_foreign_id,
    sane_number,
)
from fpservice.services.submission import SubmissionStatus

_MAX_BITRATE = 100_000  # kbit/s; what is more is no bitrate
_MAX_SHORT_TEXT = 100


@dataclass(frozen=True, slots=True)
class Names:
    """What the versions of the web service call their parameters, and how strict they are."""

    duration: str = "duration"
    file_format: str = "fileformat"
    # Version 1 says that a duration out of range is missing, and takes a negative one.
    lenient_duration: bool = False


@dataclass(frozen=True, slots=True)
class Entries:
    """The submissions of a request, the suffix of each, and the errors of bad entries."""

    suffixes: list[str] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)


def read_entries(
    params: Params, application: Application, account: Account, names: Names
) -> Entries:
    """Return the submissions in the order of their suffixes.

    Raises:
        ApiError: none is good; the error of the last.
    """
    entries = Entries()
    last: ApiError | None = None
    for suffix in params.suffixes("fingerprint"):
        try:
            read = _read_entry(params, suffix, application, account, names)
        except ApiError as error:
            last = error
            entries.errors.append({"code": error.code, "message": error.message, **_index(suffix)})
            continue
        entries.submissions.extend(read)
        entries.suffixes.extend([suffix] * len(read))
    if sum(one.hashes.nbytes for one in entries.submissions) > services().limits.stored:
        raise errors.too_large("too many fingerprints for one request")
    if not entries.submissions:
        raise last or errors.missing_parameter("fingerprint")
    return entries


def submit_answer(
    entries: Entries, ids: list[int], statuses: Sequence[SubmissionStatus] = ()
) -> dict[str, Any]:
    """Return the fields of the answer: every submission with its id, and what was refused.

    ``statuses`` are those of submissions whose import was waited for.
    """
    known = {status.id: status_answer(status) for status in statuses}
    answer: dict[str, Any] = {
        "submissions": [
            {**_answer(id, suffix, submission), **known.get(id, {})}
            for id, suffix, submission in zip(
                ids, entries.suffixes, entries.submissions, strict=True
            )
        ]
    }
    if entries.errors:
        answer["errors"] = entries.errors
    return answer


def status_answer(status: SubmissionStatus) -> dict[str, Any]:
    """Return what became of a submission, as answers show it."""
    answer: dict[str, Any] = {
        "id": status.id,
        "status": status.state.value if status.state else "unknown",
    }
    if status.track_gid:
        answer["result"] = {"id": str(status.track_gid)}
    if status.reason:
        answer["reason"] = status.reason
    return answer


def _read_entry(
    params: Params, suffix: str, application: Application, account: Account, names: Names
) -> list[Submission]:
    """Return the submissions of one entry: one for each MBID, or a single one without."""
    limits = services().limits
    puid_text = params.text(f"puid{suffix}")
    puid = required_uuid(f"puid{suffix}", puid_text) if puid_text else None
    foreign_id = _read_foreign_id(params, f"foreignid{suffix}")
    name = f"mbid{suffix}"
    if len(params.texts(name)) > limits.mbids:
        raise errors.too_large(f"an entry may have {limits.mbids} MBIDs")
    mbids: list[uuid.UUID | None] = [required_uuid(name, text) for text in params.texts(name)]
    duration = _read_duration(params, f"{names.duration}{suffix}", names.lenient_duration)
    hashes = read_hashes(params, suffix, limits)
    bitrate = _read_bitrate(params, f"bitrate{suffix}")
    return [
        Submission(
            account_id=account.id,
            application_id=application.id,
            application_version=_short_text(params, "clientversion") or "",
            hashes=hashes,
            duration=duration,
            bitrate=bitrate,
            format=_short_text(params, f"{names.file_format}{suffix}"),
            mbid=mbid if mbid != NIL else None,
            puid=puid if puid != NIL else None,
            foreignid=foreign_id,
            text=_read_text(params, suffix),
        )
        for mbid in mbids or [None]
    ]


def _read_foreign_id(params: Params, name: str) -> str | None:
    text = params.text(name)
    if text and not is_foreign_id(text):
        raise errors.invalid_foreign_id(name)
    return text or None


def _read_duration(params: Params, name: str, lenient: bool) -> int:
    duration = params.seconds(name)
    if duration is None:
        raise errors.missing_parameter(name)
    if lenient and -MAX_DURATION <= duration < 0:
        return duration
    if not 0 < duration <= MAX_DURATION:
        raise errors.missing_parameter(name) if lenient else errors.invalid_duration(name)
    return duration


def _read_bitrate(params: Params, name: str) -> int | None:
    bitrate = params.integer(name)
    if bitrate is not None and bitrate < 0:
        raise errors.invalid_bitrate(name)
    return bitrate if bitrate and bitrate <= _MAX_BITRATE else None


def _read_text(params: Params, suffix: str) -> SubmittedText:
    return SubmittedText(
        track=clean_text(params.text(f"track{suffix}")),
        artist=clean_text(params.text(f"artist{suffix}")),
        album=clean_text(params.text(f"album{suffix}")),
        album_artist=clean_text(params.text(f"albumartist{suffix}")),
        track_no=sane_number(params.integer(f"trackno{suffix}")),
        disc_no=sane_number(params.integer(f"discno{suffix}")),
        year=sane_number(params.integer(f"year{suffix}")),
    )


def _short_text(params: Params, name: str) -> str | None:
    return (clean_text(params.text(name)) or "")[:_MAX_SHORT_TEXT] or None


def _answer(submission_id: int, suffix: str, submission: Submission) -> dict[str, Any]:
    answer = {"id": submission_id, "status": State.PENDING.value, **_index(suffix)}
    if not submission.has_metadata():
        answer["reason"] = NO_METADATA
    return answer


def _index(suffix: str) -> dict[str, Any]:
    return {"index": suffix[1:]} if suffix else {}
