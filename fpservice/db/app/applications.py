"""Applications: the programs that call, known by their client key."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from fpservice.db.app.tables import application
from fpservice.db.dialect import skip_used_ids
from fpservice.domain.caller import Application

_COLUMNS = (
    application.c.id,
    application.c.name,
    application.c.version,
    application.c.apikey,
    application.c.active,
    application.c.rate_limit,
)


def find_application_by_apikey(connection: Connection, apikey: str) -> Application | None:
    """Return the application with this key, active or not."""
    row = connection.execute(select(*_COLUMNS).where(application.c.apikey == apikey)).first()
    return _application(row) if row else None


def list_applications(connection: Connection, limit: int = 1000) -> list[Application]:
    """Return applications by id."""
    rows = connection.execute(select(*_COLUMNS).order_by(application.c.id).limit(limit))
    return [_application(row) for row in rows]


def add_application(
    connection: Connection,
    *,
    name: str,
    apikey: str,
    version: str = "",
    application_id: int | None = None,
    active: bool = True,
    rate_limit: float | None = None,
    email: str | None = None,
    website: str | None = None,
) -> Application:
    """Insert an application; its id is the next one unless given."""
    values = {
        "name": name,
        "version": version,
        "apikey": apikey,
        "active": active,
        "rate_limit": rate_limit,
        "email": email,
        "website": website,
    }
    if application_id is not None:
        values["id"] = application_id
    row = connection.execute(insert(application).values(values).returning(*_COLUMNS)).one()
    if application_id is not None:
        skip_used_ids(connection, application)
    return _application(row)


def set_application_active(connection: Connection, apikey: str, active: bool) -> bool:
    """Switch an application on or off; False if there is none with this key."""
    statement = update(application).where(application.c.apikey == apikey).values(active=active)
    return connection.execute(statement).rowcount > 0


def _application(row: Any) -> Application:
    return Application(row.id, row.name, row.version, row.apikey, row.active, row.rate_limit)
