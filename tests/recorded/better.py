"""For each recorded answer that need not be copied: what is better, and a check for it."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from tests.recorded import checks
from tests.recorded.checks import Check, either, found, refused
from tests.recorded.reply import Reply
from tests.recorded.sanity import sanity_problems

MALFORMED: Final = "the fingerprint is refused, or all the same found"
MERGED: Final = "the id is that of the track that it was merged into"
FOREIGN: Final = "digits that are not ASCII are refused"
NUL: Final = "a zero byte is refused, or left out where it does no harm"
COMPRESSED: Final = "nothing is missing but artists that the recording has as well"
PARTS: Final = "each bad part has an error of its own, the others are answered"
ALLOWED: Final = "it is refused as recorded, or understood"
REASON: Final = "an entry says why it will not be imported"

UNTIMED: Final = "1f9f774b-5332-4e1c-9954-451928d8ce81"
# A recording, another one that became part of it, and the tracks that are linked to them.
KEPT: Final = "6ab6ba5e-865e-40b7-b237-a36ba5c7cf3b"
REDIRECTED: Final = "0352a589-e160-44ed-8fa6-75309756d742"
KEPT_GROUP: Final = "69e3ae53-1f71-426b-ab6e-3497c20f4b63"
KEPT_TRACKS: Final = (
    "1f0dee8e-8edb-404e-8d19-d9283a2afa53",
    "ce9b25cb-fd0c-4764-a7a3-f6b4d3325a07",
)
KEPT_TITLE: Final = "Kept After Merge"
# One track of a recording that is asked for in upper case.
LINKED: Final = "aa9daf55-212f-42c8-893b-6117953466e3"


@dataclass(frozen=True, slots=True)
class Better:
    """What is said of the cases that have a name like ``pattern``."""

    pattern: str
    words: str
    check: Check

    def covers(self, name: str) -> bool:
        """Return whether a case is one of these."""
        return fnmatchcase(name, self.pattern)


BETTER: Final = tuple(
    Better(pattern, words, check)
    for words, check, *patterns in (
        # Fingerprints and durations
        (MALFORMED, either(refused(3), found), "basic-post-1", "fp-not-base64", "fp-extra-*"),
        (MALFORMED, either(refused(3), found), "fp-count-*", "fp-padded-4", "fp-standard-alphabet"),
        ("at most ten are shown", checks.shows_all_that_is_recorded, "crowd", "bits-*", "fp-80-*"),
        ("the error names it", refused(8, naming="duration"), "duration-negative-*"),
        ("decimals are read", found, "duration-float-*"),
        ("decimals are read", checks.takes(1), "submit-duration-180.5"),
        (FOREIGN, refused(2, 8, naming="duration"), "duration-underscore-*", "duration-full-*"),
        # Odd characters
        (NUL, refused(4), "client-nul"),
        (NUL, refused(6), "submit-user-nul", "user-nul"),
        (NUL, checks.takes(1), "submit-nul-in-*"),
        ("a line break is no part of an id", refused(7), "*id-newline"),
        ("a bitrate that nothing has is left out", checks.takes(1), "submit-bitrate-99999999"),
        # Tracks and recordings that became others
        ("the id is in lower case", checks.shows_the_present_track, "trackid-upper"),
        (MERGED, checks.shows_the_present_track, "trackid-merged-*"),
        ("it is followed", checks.shows_recording(KEPT, title=KEPT_TITLE), "meta-redirected-mbid"),
        ("it is followed", checks.shows_recording(KEPT, title=KEPT_TITLE), "trackid-8"),
        ("it is followed", checks.shows_groups(KEPT_GROUP), "meta-redirected-mbid-rg"),
        ("it is followed", checks.lists_tracks(*KEPT_TRACKS), "mbid-redirect"),
        (
            "it is followed, in both directions",
            checks.lists_the_same_for((KEPT, REDIRECTED), KEPT_TRACKS),
            "mbid-batch-60",
        ),
        ("upper case is found", checks.lists_tracks(LINKED), "mbid-upper", "mbid-upper-batch"),
        # Metadata
        (COMPRESSED, checks.repeats_no_artists, "trackid-3", "meta-0*compress*", "client-picard"),
        (COMPRESSED, checks.repeats_no_artists, "meta-batch-full"),
        (
            "the length is left out",
            checks.shows_recording(UNTIMED, duration=None),
            "meta-no_length-m2",
        ),
        ("both words count", checks.shows_of_recordings("releasegroups"), "meta-special-comma"),
        (
            "both words count",
            checks.shows_of_recordings("releasegroups"),
            "meta-special-plus-encoded",
        ),
        ("both words count", checks.shows_of_recordings("sources"), "client-strawberry"),
        ("what is no word is left out", found, "meta-special-semicolon"),
        ("each has text or names", checks.shows_something_of_each_track, "usermeta-batch-mixed"),
        # Many at once
        (PARTS, checks.tells_what_was_bad, "batch-bad-*", "batch-missing-duration"),
        (PARTS, checks.tells_what_was_bad, "submit-*good*bad*", "submit-bad-first"),
        ("the zero does no harm", found, "batch-leading-zero"),
        (FOREIGN, refused(2), "batch-superscript", "batch-arabic-digit"),
        # Formats
        ("the message names the format", checks.names_the_format, "format-*"),
        ("the usual name is taken", checks.found_as(checks.DEFAULT_CALLBACK), "jsonp-newline"),
        ("there is no word for no number", checks.found_without("None"), "xml-batch-no-suffix"),
        # Requests
        ("the error is in JSON", checks.json_error(400), "gzip-*"),
        ("the error is in JSON", checks.json_error(400, 414), "long-request-line"),
        (ALLOWED, either(refused(2), found), "json-body", "form-get", "multipart-file"),
        ("the error is in JSON", checks.json_error(404), "path-*", "v1-unknown-path"),
        ("it is refused, with what is not", checks.tells_methods(405), "method-P*", "method-DEL*"),
        ("it is answered", checks.tells_methods(200), "method-OPTIONS"),
        ("it is answered", checks.lets_browsers_ask, "options-preflight"),
        ("there is no body", checks.has_no_body, "method-HEAD"),
        ("it is not for everybody", either(refused(12), checks.json_error(404)), "internal-*"),
        # Submissions
        (REASON, checks.gives_reasons(1), "submit-no-metadata", "submit-only-year-0"),
        (REASON, checks.gives_reasons(1), "submit-only-bitrate", "submit-empty-text"),
        (REASON, checks.gives_reasons(1), "v1-submit-no-metadata"),
        (REASON, checks.gives_reasons(2), "submit-no-metadata-of-two"),
        ("it is taken", checks.takes(1), "submit-only-foreignid"),
        ("it is called unknown", checks.all_unknown, "status-*"),
    )
    for pattern in patterns
)


def shortcomings(reply: Reply) -> list[str]:
    """Return in what an answer falls short of what is better than the recorded one."""
    covering = [better for better in BETTER if better.covers(reply.case.name)]
    if not covering:
        return ["there is no check for what is better"]
    shown = f"{reply.answer.status} {reply.answer.text[:200]}"
    found = [f"not so: {one.words}; got {shown}" for one in covering if not one.check(reply)]
    return [*sanity_problems(reply), *found]
