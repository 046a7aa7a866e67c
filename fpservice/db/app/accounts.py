"""Accounts: those who submit, known by their user key."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from fpservice.db.app.tables import account
from fpservice.db.dialect import skip_used_ids
from fpservice.domain.caller import Account

_COLUMNS = (account.c.id, account.c.name, account.c.apikey, account.c.active, account.c.anonymous)


def find_account_by_apikey(connection: Connection, apikey: str) -> Account | None:
    """Return the account with this key, active or not."""
    row = connection.execute(select(*_COLUMNS).where(account.c.apikey == apikey)).first()
    return _account(row) if row else None


def find_account_by_mbuser(connection: Connection, mbuser: str) -> Account | None:
    """Return the account of this MusicBrainz user."""
    row = connection.execute(select(*_COLUMNS).where(account.c.mbuser == mbuser)).first()
    return _account(row) if row else None


def list_accounts(connection: Connection, limit: int = 1000) -> list[Account]:
    """Return accounts by id."""
    rows = connection.execute(select(*_COLUMNS).order_by(account.c.id).limit(limit))
    return [_account(row) for row in rows]


def add_account(
    connection: Connection,
    *,
    name: str,
    apikey: str,
    anonymous: bool,
    account_id: int | None = None,
    application_id: int | None = None,
    application_version: str = "",
    mbuser: str | None = None,
) -> Account:
    """Insert an account; its id is the next one unless given."""
    values = {
        "name": name,
        "apikey": apikey,
        "anonymous": anonymous,
        "application_id": application_id,
        "application_version": application_version,
        "mbuser": mbuser,
    }
    if account_id is not None:
        values["id"] = account_id
    row = connection.execute(insert(account).values(values).returning(*_COLUMNS)).one()
    if account_id is not None:
        skip_used_ids(connection, account)
    return _account(row)


def set_account_active(connection: Connection, apikey: str, active: bool) -> bool:
    """Switch an account on or off; False if there is none with this key."""
    statement = update(account).where(account.c.apikey == apikey).values(active=active)
    return connection.execute(statement).rowcount > 0


def _account(row: Any) -> Account:
    return Account(row.id, row.name, row.apikey, row.active, row.anonymous)
