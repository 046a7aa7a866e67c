"""Reports of errors: in every process of the service, each error once for all of them."""

from __future__ import annotations

from typing import Final

from fpservice.bootstrap import Parts

_NAME: Final = "sentry"


def report_errors(parts: Parts) -> bool:
    """Report errors of this process to Sentry from now on, if that is configured.

    Raises:
        ConfigError: the DSN is none.
    """
    if parts.config.sentry.dsn is None:
        return False
    # The libraries take a moment to load: only where they are configured.
    from fpservice.observability.sentry import ErrorThrottle, configure_sentry

    if parts.redis is None:
        return configure_sentry(parts.config)
    from fpservice.cache.redis_cache import RedisCache

    claims = RedisCache(_NAME, parts.redis, parts.metrics)
    return configure_sentry(parts.config, ErrorThrottle(claim=claims.claim))
