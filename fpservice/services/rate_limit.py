"""Which requests are too many: limits for all together, each application and each address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fpservice.domain.caller import Application
from fpservice.interfaces import Metrics, RateLimitDecision, RateLimiter

# Kind, name, limit.
_Bucket = tuple[str, str, float | None]


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Limits in requests a second; None limits nobody. Exceptions by application id and address."""

    everybody: float | None = None
    application: float | None = None
    address: float | None = None
    applications: Mapping[int, float] = field(default_factory=dict)
    addresses: Mapping[str, float] = field(default_factory=dict)


class RateLimitService:
    """Asks the limiter about every bucket a request falls into."""

    def __init__(self, limiter: RateLimiter | None, limits: RateLimits, metrics: Metrics) -> None:
        """Without a limiter nothing is limited."""
        self._limiter = limiter
        self._limits = limits
        self._metrics = metrics

    def check_address(self, address: str) -> RateLimitDecision | None:
        """Return the decision about everybody and this address, the tighter one."""
        return self._tightest(*self._buckets_of_address(address))

    def check_application(self, address: str, application: Application) -> RateLimitDecision | None:
        """Return the decision about everybody, this address and this application."""
        limit = self._limits.applications.get(application.id, application.rate_limit)
        limit = self._limits.application if limit is None else limit
        return self._tightest(
            *self._buckets_of_address(address),
            ("application", f"application:{application.id}", limit),
        )

    def _buckets_of_address(self, address: str) -> tuple[_Bucket, _Bucket]:
        limit = self._limits.addresses.get(address, self._limits.address)
        return ("global", "global", self._limits.everybody), ("ip", f"ip:{address}", limit)

    def _tightest(self, *buckets: _Bucket) -> RateLimitDecision | None:
        """Return the first refusal of the buckets (kind, name, limit), else the tightest one."""
        limited = [(kind, name, limit) for kind, name, limit in buckets if limit is not None]
        if self._limiter is None or not limited:
            return None
        with self._metrics.timed("lookup.limit"):
            decisions = self._limiter.check_all([(name, limit) for _, name, limit in limited])
        for (kind, _, _), decision in zip(limited, decisions, strict=True):
            if not decision.allowed:
                self._metrics.count("rate_limit.refusals", bucket=kind)
                return decision
        return min(decisions, key=lambda decision: decision.remaining)
