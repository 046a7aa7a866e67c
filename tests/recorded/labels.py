"""The submissions of a scenario by their labels, and the tracks they came to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FINAL_STATES = frozenset({"imported", "rejected", "failed"})


class LabelledSubmissions:
    """What is known of submissions; new tracks are called after the first label that is there."""

    def __init__(self, existing: frozenset[str]) -> None:
        """Take the ids in ``existing`` for tracks of the catalogue."""
        self._existing = existing
        self._ids: dict[str, int] = {}
        self._states: dict[int, dict[str, Any]] = {}

    @property
    def ids(self) -> list[int]:
        """The ids of all submissions."""
        return list(self._ids.values())

    def add(self, labels: Sequence[str], submissions: list[dict[str, Any]]) -> None:
        """Remember the submissions of an answer; those beyond the labels are forgotten."""
        self._ids |= {label: one["id"] for label, one in zip(labels, submissions, strict=False)}

    def update(self, submissions: list[dict[str, Any]]) -> None:
        """Note the states of an answer of submission_status."""
        self._states |= {one["id"]: one for one in submissions}

    def all_final(self) -> bool:
        """Return whether nothing waits any more."""
        return all(self._state(label) in FINAL_STATES for label in self._ids)

    def imported(self) -> dict[str, bool]:
        """Return whether each has been imported."""
        return {label: self._state(label) == "imported" for label in self._ids}

    def tracks(self) -> list[list[str]]:
        """Return which labels came to the same track."""
        tracks: dict[str, list[str]] = {}
        for label, gid in self._gids().items():
            tracks.setdefault(gid, []).append(label)
        return sorted(tracks.values())

    def existing(self) -> dict[str, str]:
        """Return which labels came to a track of the catalogue, and to which."""
        return {label: gid for label, gid in self._gids().items() if gid in self._existing}

    def renamed(self, value: Any) -> Any:
        """Return an answer with the names of new tracks in place of their ids."""
        if isinstance(value, list):
            return [self.renamed(one) for one in value]
        if not isinstance(value, dict):
            return value
        fields = {key: self.renamed(one) for key, one in value.items()}
        return fields | ({"id": self._name(value["id"])} if "id" in value else {})

    def _state(self, label: str) -> object:
        return self._states.get(self._ids[label], {}).get("status")

    def _gids(self) -> dict[str, str]:
        results = {label: self._states.get(one, {}) for label, one in self._ids.items()}
        return {label: one["result"]["id"] for label, one in results.items() if "result" in one}

    def _name(self, gid: object) -> object:
        if gid in self._existing:
            return gid
        names = (f"track of {label}" for label, one in self._gids().items() if one == gid)
        return next(names, gid)
