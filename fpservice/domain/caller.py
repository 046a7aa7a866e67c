"""Who calls: programs, and those whose submissions they carry."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """One who submits."""

    id: int
    name: str
    apikey: str
    active: bool
    anonymous: bool


@dataclass(frozen=True, slots=True)
class Application:
    """A program that may call; ``rate_limit`` in requests a second, None for the usual one."""

    id: int
    name: str
    version: str
    apikey: str
    active: bool
    rate_limit: float | None
