"""Reports of errors to Sentry: no personal data, and not the same error again and again."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

import sentry_sdk
from sentry_sdk.integrations.flask import FlaskIntegration
from sentry_sdk.integrations.redis import RedisIntegration
from sentry_sdk.integrations.sqlalchemy import SqlalchemyIntegration
from sentry_sdk.utils import BadDsn

from fpservice.config import Config, ConfigError
from fpservice.observability.scrubbing import scrub_event

if TYPE_CHECKING:
    from sentry_sdk.types import Breadcrumb, Event, Hint

REPORT_AGAIN_AFTER = 3600.0
_MOST_ERRORS = 1000


# Whether nobody else has had this for so many seconds; None if that cannot be told.
Claim = Callable[[str, float], bool | None]


class ErrorThrottle:
    """Lets the same error through once in ``period`` seconds; knows the last ``size`` errors.

    With ``claim``, once for all who share it; as long as that has no answer, once a process.
    """

    def __init__(
        self,
        period: float = REPORT_AGAIN_AFTER,
        size: int = _MOST_ERRORS,
        clock: Callable[[], float] = time.monotonic,
        claim: Claim | None = None,
    ) -> None:
        self._claim = claim
        self._period = period
        self._size = size
        self._clock = clock
        self._reported: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def allow(self, error: str) -> bool:
        """Return whether the error is to be reported now, and remember that it was."""
        with self._lock:
            now = self._clock()
            last = self._reported.get(error)
            if last is not None and now - last < self._period:
                return False
            self._reported[error] = now
            self._reported.move_to_end(error)
            if len(self._reported) > self._size:
                self._reported.popitem(last=False)
        return self._is_first(error)

    def _is_first(self, error: str) -> bool:
        """Return whether no other process has reported it."""
        if self._claim is None:
            return True
        # What is shared is to be short, and nothing to read.
        key = hashlib.sha256(error.encode(errors="replace")).hexdigest()
        if self._claim(key, self._period) is not False:
            return True
        with self._lock:
            # It was not this one; so it asks again next time.
            self._reported.pop(error, None)
        return False


def configure_sentry(config: Config, throttle: ErrorThrottle | None = None) -> bool:
    """Report errors of the process from now on; return False, and do nothing, without a DSN.

    Raises:
        ConfigError: the DSN is none.
    """
    options = config.sentry
    if options.dsn is None:
        return False
    try:
        sentry_sdk.init(
            dsn=options.dsn,
            environment=options.environment,
            release=options.release or f"fpservice@{version('fpservice')}",
            integrations=[FlaskIntegration(), SqlalchemyIntegration(), RedisIntegration()],
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            send_default_pii=False,
            # Variables and bodies hold fingerprints and keys under any name.
            include_local_variables=False,
            max_request_body_size="never",
            before_send=before_send(throttle or ErrorThrottle()),
            before_breadcrumb=before_breadcrumb,
            max_breadcrumbs=20,
            shutdown_timeout=2,
        )
    except BadDsn:
        raise ConfigError("sentry.dsn must be a DSN: https://key@host/project") from None
    return True


def before_send(throttle: ErrorThrottle) -> Callable[[Event, Hint], Event | None]:
    """Return the function that drops events reported lately and scrubs the others."""

    def scrubbed(event: Event, hint: Hint) -> Event | None:
        if not throttle.allow(error_identity(event, hint)):
            return None
        return cast("Event", scrub_event(cast("dict[str, Any]", event)))

    return scrubbed


def before_breadcrumb(breadcrumb: Breadcrumb, hint: Hint) -> Breadcrumb | None:
    """Drop commands of Redis: their keys hold API keys and addresses."""
    return None if breadcrumb.get("category") == "redis" else breadcrumb


def error_identity(event: Event, hint: Hint) -> str:
    """Return type and innermost location of the error, or the message if there is none."""
    kind, _, traceback = hint.get("exc_info") or (None, None, None)
    if kind is None:
        message = event.get("logentry", {}).get("message") or event.get("message")
        return f"{event.get('logger')}: {message}"
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    name = f"{kind.__module__}.{kind.__qualname__}"
    if traceback is None:
        return name
    return f"{name} at {traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
