"""A whole installation for a test: databases, index, services and the web application."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from flask import Flask
from flask.testing import FlaskClient

from fpservice.api.context import Services
from fpservice.app import create_app
from fpservice.bootstrap import (
    Parts,
    build_api_keys,
    build_importer,
    build_parts,
    build_services,
)
from fpservice.config import Config, load_config
from fpservice.domain import fingerprint
from tests.services import DatabaseUrls

APPLICATION_KEY = "testApp1"
USER_KEY = "testUser1"


@dataclass
class Installation:
    """What a test works with; requests go through WSGI, imports happen when asked for."""

    config: Config
    parts: Parts
    app: Flask
    client: FlaskClient

    def call(self, path: str, /, **form: Any) -> dict[str, Any]:
        """Post a form with the client key and return the JSON answer."""
        answer = self.client.post(path, data={"client": APPLICATION_KEY, **form})
        assert answer.json is not None
        return answer.json

    def submit(self, **form: Any) -> list[int]:
        """Submit as the test's user and return the ids."""
        answer = self.call("/v2/submit", user=USER_KEY, **form)
        assert answer["status"] == "ok", answer
        return [entry["id"] for entry in answer["submissions"]]

    def import_all(self) -> None:
        """Import until nothing waits."""
        importer = build_importer(self.parts)
        while importer.round():
            pass

    def status(self, *ids: int) -> list[dict[str, Any]]:
        """Return what became of submissions."""
        return list(self.call("/v2/submission_status", id=list(ids))["submissions"])

    def close(self) -> None:
        """Let go of queue, files and connections."""
        self.services.submission.close()
        self.parts.close()

    @property
    def services(self) -> Services:
        """What the web application works with."""
        services: Services = self.app.extensions["fpservice"]
        return services


AnyInstallation = TypeVar("AnyInstallation", bound=Installation)


def environment(urls: DatabaseUrls, data: Path) -> dict[str, str]:
    """Return the environment variables of an installation on these databases."""
    return {
        "FPSERVICE_DATA": str(data),
        "ACOUSTID_DATABASE_URL": urls.app,
        "ACOUSTID_DATABASE_FINGERPRINT_URL": urls.fingerprint,
        "ACOUSTID_DATABASE_INGEST_URL": urls.ingest,
    }


def install(variables: Mapping[str, str]) -> Installation:
    """Build an installation whose databases are migrated, and add the test's keys."""
    return install_as(Installation, variables)


def install_as(kind: type[AnyInstallation], variables: Mapping[str, str]) -> AnyInstallation:
    """Build an installation of another kind in the same way."""
    config = load_config(variables)
    parts = build_parts(config)
    api_keys = build_api_keys(parts)
    api_keys.add_application("Test", apikey=APPLICATION_KEY)
    api_keys.add_account("tester", apikey=USER_KEY)
    app = create_app(build_services(parts))
    return kind(config, parts, app, app.test_client())


@cache
def recordings() -> list[dict[str, Any]]:
    """Return the demo catalogue: real fingerprints of real music."""
    path = Path(__file__).parents[1] / "fpservice" / "data" / "demo.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def fresh_fingerprint(seed: int, hashes: int = 240) -> str:
    """Return a fingerprint that nobody has: a random walk, as neighbouring hashes of music are."""
    generator = np.random.default_rng(seed)
    flips = np.zeros(hashes, dtype=np.uint32)
    for _ in range(4):
        flips |= np.uint32(1) << generator.integers(0, 32, hashes, dtype=np.uint32)
    flips[0] = generator.integers(0, 2**32, dtype=np.uint32)
    return fingerprint.encode(np.bitwise_xor.accumulate(flips))
