"""What a lookup may show of a track: the words of ``meta``, and submitted text as recordings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

_SEPARATORS: Final = re.compile(r"[\s+,]+")
_SHORTHANDS: Final = {
    "0": frozenset[str](),
    "1": frozenset({"recordingids"}),
    "2": frozenset({"m2"}),
}
_ROOTS: Final = (
    ("m2", ("m2",)),
    ("recordings", ("recordings", "recordingids", "isrcs")),
    ("releasegroups", ("releasegroups", "releasegroupids")),
    ("releases", ("releases", "releaseids")),
)
MAX_TEXTS: Final = 10


@dataclass(frozen=True, slots=True)
class MetaWords:
    """The words of a lookup's ``meta`` parameter; ``root`` is what the answer is built around."""

    words: frozenset[str]
    root: str | None

    def __contains__(self, word: str) -> bool:
        """Whether the word was given."""
        return word in self.words


def parse_meta(text: str) -> MetaWords:
    """Return the words, separated by white space, ``+`` or ``,``; unknown ones do no harm."""
    stripped = text.strip()
    words = _SHORTHANDS.get(stripped)
    if words is None:
        words = frozenset(word for word in _SEPARATORS.split(stripped) if word)
    root = next((name for name, any_of in _ROOTS if not words.isdisjoint(any_of)), None)
    return MetaWords(words, root)


@dataclass(frozen=True, slots=True)
class Text:
    """Metadata that contributors sent for a track, and the number under which it is kept."""

    id: int
    track: str | None
    artist: str | None
    album: str | None
    album_artist: str | None
    track_no: int | None
    disc_no: int | None
    year: int | None


def text_recording(text: Text, words: MetaWords) -> dict[str, Any]:
    """Return submitted text in the form of a recording: what is unknown is left out.

    Artists are plain strings here, as there is no id to go with the name.
    """
    recording: dict[str, Any] = {}
    if "recordings" not in words:
        return recording
    _put(recording, title=text.track, artists=_names(text.artist))
    if "releasegroups" in words:
        group: dict[str, Any] = {}
        _put(group, title=text.album, artists=_names(text.album_artist))
        if "releases" in words:
            group["releases"] = [_release(text, words, recording, group)]
        if group:
            recording["releasegroups"] = [group]
    elif "releases" in words:
        recording["releases"] = [_release(text, words, recording, {})]
    return recording


def _release(
    text: Text, words: MetaWords, recording: dict[str, Any], group: dict[str, Any]
) -> dict[str, Any]:
    event = {"date": {"year": text.year}} if text.year else {}
    release: dict[str, Any] = {**event, "releaseevents": [event]}
    _put(release, title=text.album, artists=_names(text.album_artist))
    if "tracks" in words:
        release["mediums"] = [_medium(text)]
        if "compress" in words:
            _drop_equal(release["mediums"][0]["tracks"][0], release, "artists")
            _drop_equal(release["mediums"][0]["tracks"][0], recording, "title")
    if "compress" in words:
        _drop_equal(release, group, "title", "artists")
        _drop_equal(release, recording, "artists")
    return release


def _medium(text: Text) -> dict[str, Any]:
    track = {
        "id": text.id,
        "title": text.track,
        "artists": _names(text.artist) or [],
        "position": text.track_no,
    }
    return {"position": text.disc_no, "track_count": None, "tracks": [track]}


def _names(name: str | None) -> list[str] | None:
    return [name] if name else None


def _put(target: dict[str, Any], **values: object) -> None:
    target.update({name: value for name, value in values.items() if value is not None})


def _drop_equal(child: dict[str, Any], parent: dict[str, Any], *names: str) -> None:
    for name in names:
        if name in child and name in parent and child[name] == parent[name]:
            del child[name]
