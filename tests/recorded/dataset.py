"""The catalogue and the keys that recorded requests go by, and how they come into databases."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fpservice.bootstrap import Parts, build_api_keys, build_indexing, build_parts
from fpservice.config import load_config
from fpservice.db import migrations
from fpservice.services.dump_import import DumpImport

DATASET = Path(__file__).parents[1] / "conformance_data" / "dataset"


class DatasetError(Exception):
    """Lines of the catalogue could not be stored."""


@dataclass(frozen=True, slots=True)
class RecordedApplication:
    """An application that recorded requests name."""

    id: int
    name: str
    version: str
    apikey: str
    active: bool


@dataclass(frozen=True, slots=True)
class RecordedAccount:
    """An account that recorded submissions name."""

    id: int
    name: str
    apikey: str


@dataclass(frozen=True, slots=True)
class RecordedKeys:
    """Who calls in the recorded requests; the scenarios call as the first application."""

    applications: tuple[RecordedApplication, ...]
    accounts: tuple[RecordedAccount, ...]


@cache
def recorded_keys() -> RecordedKeys:
    """Return applications and accounts."""
    with gzip.open(DATASET / "keys.json.gz", "rt", encoding="utf-8") as file:
        keys = json.load(file)
    return RecordedKeys(
        applications=tuple(RecordedApplication(**one) for one in keys["applications"]),
        accounts=tuple(RecordedAccount(**one) for one in keys["accounts"]),
    )


def present_track(gid: str) -> str:
    """Return the id of the track that one of the catalogue has become by all its merges."""
    by_gid, by_id = _tracks()
    track = by_gid[gid]
    while "new_id" in track:
        track = by_id[track["new_id"]]
    return str(track["gid"])


@cache
def _tracks() -> tuple[dict[str, dict[str, Any]], dict[int, dict[str, Any]]]:
    with gzip.open(DATASET / "track-update.jsonl.gz", "rt", encoding="utf-8") as lines:
        tracks = [json.loads(line) for line in lines]
    return {one["gid"]: one for one in tracks}, {one["id"]: one for one in tracks}


def load_dataset(variables: Mapping[str, str]) -> None:
    """Load catalogue, index and keys into the empty installation that the variables configure.

    Raises:
        DatasetError: a line of the catalogue could not be stored.
    """
    parts = build_parts(load_config(variables))
    try:
        for database in parts.databases.all():
            migrations.upgrade(database)
        _import_catalogue(parts)
        _add_keys(parts)
        build_indexing(parts).drain()
    finally:
        parts.close()


def _import_catalogue(parts: Parts) -> None:
    summary = DumpImport(parts.databases.fingerprint).import_files([DATASET])
    problems = [file for file in summary.files if file.bad or file.error]
    if problems:
        raise DatasetError(f"not all lines could be stored: {problems}")


def _add_keys(parts: Parts) -> None:
    api_keys = build_api_keys(parts)
    for one in recorded_keys().applications:
        api_keys.add_application(
            one.name,
            version=one.version,
            apikey=one.apikey,
            application_id=one.id,
            active=one.active,
        )
    for account in recorded_keys().accounts:
        api_keys.add_account(account.name, apikey=account.apikey, account_id=account.id)
