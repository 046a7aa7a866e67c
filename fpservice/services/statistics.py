"""Counts lookups and user agents in memory and writes them down from time to time."""

from __future__ import annotations

import datetime
import logging
import threading
import time
from collections import Counter
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from fpservice.db.app.statistics import (
    Hour,
    LookupCount,
    add_lookups,
    add_user_agents,
    lookups_of_application,
)
from fpservice.db.transaction import Database
from fpservice.domain.errors import DatabaseUnavailableError
from fpservice.interfaces import Metrics

log = logging.getLogger(__name__)

# User agents are free text: more different ones than this in one period are counted as one.
MAX_USER_AGENTS: Final = 500
MAX_USER_AGENT: Final = 200
_OTHER: Final = "other"


class StatisticsService:
    """Helps operators; never keeps a request from being answered.

    What was counted since the last writing is lost if the process is killed.
    """

    def __init__(self, app: Database, metrics: Metrics, period: float = 10.0) -> None:
        """Write to the database ``app`` every ``period`` seconds at most."""
        self._app = app
        self._metrics = metrics
        self._period = period
        self._lock = threading.Lock()
        # By hours and days since 1970, which cost a request less than dates do.
        self._lookups: Counter[tuple[int, int, bool]] = Counter()
        self._user_agents: Counter[tuple[int, int, str]] = Counter()
        self._written = time.monotonic()

    def count_lookup(self, application_id: int, *, hits: int, misses: int, user_agent: str) -> None:
        """Count the queries of one request."""
        hour = int(time.time() // 3600)
        with self._lock:
            for number, is_hit in ((hits, True), (misses, False)):
                if number:
                    self._lookups[hour, application_id, is_hit] += number
            self._count_user_agent(hour // 24, application_id, user_agent)
            due = time.monotonic() - self._written > self._period
            if due:
                self._written = time.monotonic()
        if due:
            # Not in the request: the database may keep whoever writes waiting.
            threading.Thread(target=self.write, name="statistics", daemon=True).start()

    def write(self) -> None:
        """Write down what was counted since the last time; on an error try again later."""
        with self._lock:
            lookups, self._lookups = self._lookups, Counter()
            user_agents, self._user_agents = self._user_agents, Counter()
            self._written = time.monotonic()
        hours = {(hour, application_id) for hour, application_id, _ in lookups}
        counts = [
            LookupCount(_hour(*one), lookups[*one, True], lookups[*one, False]) for one in hours
        ]
        agents = {
            (_day(day), id, agent): number for (day, id, agent), number in user_agents.items()
        }
        try:
            self.add(counts, agents)
        except SQLAlchemyError:
            # What the database refuses it would refuse again.
            log.exception("statistics are lost")
            self._metrics.count("statistics.errors")
        except DatabaseUnavailableError as error:
            log.warning("statistics are written later: %s", error)
            self._metrics.count("statistics.errors")
            with self._lock:
                self._lookups.update(lookups)
                self._user_agents.update(user_agents)

    def add(
        self,
        lookups: list[LookupCount],
        user_agents: dict[tuple[datetime.date, int, str], int],
    ) -> None:
        """Add to the stored counts.

        Raises:
            DatabaseUnavailableError: nothing was added.
        """
        if not lookups and not user_agents:
            return
        with self._app.writing() as connection:
            add_lookups(connection, lookups)
            add_user_agents(connection, user_agents)

    def add_lookups(
        self, application_id: int, day: datetime.date, hour: int, *, hits: int, misses: int
    ) -> None:
        """Add lookups that were counted elsewhere."""
        self.add([LookupCount(Hour(day, hour, application_id), hits, misses)], {})

    def add_user_agent(
        self, application_id: int, day: datetime.date, user_agent: str, requests: int
    ) -> None:
        """Add requests that were counted elsewhere."""
        self.add([], {(day, application_id, user_agent[:MAX_USER_AGENT]): requests})

    def lookups(
        self, application_id: int, first: datetime.date, last: datetime.date
    ) -> list[LookupCount]:
        """Return an application's counts by the hour, from ``first`` to ``last``, both included."""
        with self._app.reading() as connection:
            return lookups_of_application(connection, application_id, first, last)

    def _count_user_agent(self, day: int, application_id: int, user_agent: str) -> None:
        key = (day, application_id, user_agent[:MAX_USER_AGENT])
        if key not in self._user_agents and len(self._user_agents) >= MAX_USER_AGENTS:
            key = (day, application_id, _OTHER)
        self._user_agents[key] += 1


def _hour(number: int, application_id: int) -> Hour:
    return Hour(_day(number // 24), number % 24, application_id)


def _day(number: int) -> datetime.date:
    return datetime.date(1970, 1, 1) + datetime.timedelta(days=number)
