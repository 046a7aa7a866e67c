"""What views get to work with: the services and limits that the application was built from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, cast

from flask import current_app

from fpservice.interfaces import Metrics
from fpservice.services.api_keys import ApiKeys
from fpservice.services.catalogue import CatalogueService
from fpservice.services.health import HealthService
from fpservice.services.lookup import LookupService
from fpservice.services.rate_limit import RateLimitService
from fpservice.services.statistics import StatisticsService
from fpservice.services.submission import SubmissionService
from fpservice.services.turns import Turns

EXTENSION: Final = "fpservice"


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings of a request; ``body`` in bytes, durations in seconds."""

    body: int = 1_048_576
    fingerprints: int = 20
    track_ids: int = 100
    hashes: int = 65_535
    max_duration_difference: int = 30
    default_duration_difference: int = 7
    ids: int = 1000
    mbids: int = 100
    # Each submission of a request keeps its own copy of the hashes; this bounds them all, in bytes.
    stored: int = 67_108_864
    trusted_proxies: int = 0


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases."""

    api_keys: ApiKeys
    lookup: LookupService
    submission: SubmissionService
    catalogue: CatalogueService
    health: HealthService
    rate_limit: RateLimitService
    statistics: StatisticsService
    metrics: Metrics
    limits: Limits
    turns: Turns
    # Opens the internal interface; without it that is closed.
    cluster_secret: str | None = field(default=None, repr=False)


def services() -> Services:
    """Return the services of the current application."""
    return cast(Services, current_app.extensions[EXTENSION])
