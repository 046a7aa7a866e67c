"""Who calls: applications by client key, accounts by user key, remembered for a short time."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError

from fpservice.db.app.accounts import (
    add_account,
    find_account_by_apikey,
    find_account_by_mbuser,
    list_accounts,
    set_account_active,
)
from fpservice.db.app.applications import (
    add_application,
    find_application_by_apikey,
    list_applications,
    set_application_active,
)
from fpservice.db.transaction import Database
from fpservice.domain.caller import Account, Application
from fpservice.domain.errors import AlreadyTakenError
from fpservice.interfaces import KeyChanges, Metrics, SignIn
from fpservice.services.key_cache import KEY, KeyCache


class ApiKeys:
    """Checks and administers keys."""

    def __init__(
        self,
        app: Database,
        signing_in: SignIn,
        cache_size: int = 1000,
        cache_ttl: float = 60.0,
        changes: KeyChanges | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        """Remember at most ``cache_size`` keys of each kind for ``cache_ttl`` seconds.

        With ``changes``, keys that another process switches are forgotten when it says so.
        """
        self._app = app
        self._signing_in = signing_in
        self._changes = changes
        self._applications = KeyCache(
            app, find_application_by_apikey, cache_size, cache_ttl, "applications", metrics
        )
        self._accounts = KeyCache(
            app, find_account_by_apikey, cache_size, cache_ttl, "accounts", metrics
        )

    def application(self, apikey: str) -> Application | None:
        """Return the active application with this client key."""
        self._heed_changes()
        return self._applications.get(apikey)

    def account(self, apikey: str) -> Account | None:
        """Return the active account with this user key."""
        self._heed_changes()
        return self._accounts.get(apikey)

    def find_application(self, apikey: str) -> Application | None:
        """Return the application with this client key, active or not."""
        if not KEY.fullmatch(apikey):
            return None
        with self._app.reading() as connection:
            return find_application_by_apikey(connection, apikey)

    def create_anonymous(self, application: Application, version: str) -> Account:
        """Make an account for a user who did not sign in anywhere."""
        apikey = new_key()
        with self._app.writing() as connection:
            return add_account(
                connection,
                name=f"anonymous-{secrets.token_hex(8)}",
                apikey=apikey,
                anonymous=True,
                application_id=application.id,
                application_version=version,
            )

    def sign_in(self, access_token: str) -> Account:
        """Return the account of the MusicBrainz user with this token, made if need be.

        Raises:
            InvalidAccessTokenError: the token is not known, or nobody can sign in.
            SignInUnavailableError: it cannot be told now.
            DatabaseUnavailableError: the database does not answer.
        """
        user = self._signing_in.user_name(access_token)
        with self._app.writing() as connection:
            found = find_account_by_mbuser(connection, user)
            if found is None:
                # Another account may have the plain name already.
                name = f"musicbrainz:{user}"
                found = add_account(
                    connection, name=name, apikey=new_key(), anonymous=False, mbuser=user
                )
        return found

    def add_application(
        self,
        name: str,
        *,
        version: str = "",
        apikey: str | None = None,
        application_id: int | None = None,
        active: bool = True,
        rate_limit: float | None = None,
        email: str | None = None,
        website: str | None = None,
    ) -> Application:
        """Add an application; key and id are made unless given.

        Raises:
            ValueError: the key has another form than keys have.
            AlreadyTakenError: key or id are taken.
        """
        with _taken(), self._app.writing() as connection:
            return add_application(
                connection,
                name=name,
                version=version,
                apikey=_checked(apikey),
                application_id=application_id,
                active=active,
                rate_limit=rate_limit,
                email=email,
                website=website,
            )

    def add_account(
        self, name: str, *, apikey: str | None = None, account_id: int | None = None
    ) -> Account:
        """Add an account; key and id are made unless given.

        Raises:
            ValueError: the key has another form than keys have.
            AlreadyTakenError: name, key or id are taken.
        """
        with _taken(), self._app.writing() as connection:
            return add_account(
                connection,
                name=name,
                apikey=_checked(apikey),
                anonymous=False,
                account_id=account_id,
            )

    def applications(self) -> list[Application]:
        """Return all applications."""
        with self._app.reading() as connection:
            return list_applications(connection)

    def accounts(self) -> list[Account]:
        """Return the first accounts."""
        with self._app.reading() as connection:
            return list_accounts(connection)

    def set_active(self, apikey: str, active: bool) -> bool:
        """Switch a key on or off; False if there is none like it."""
        with self._app.writing() as connection:
            changed = set_application_active(connection, apikey, active)
            changed = set_account_active(connection, apikey, active) or changed
        self._forget()
        if self._changes and changed:
            self._changes.announce()
        return changed

    def _heed_changes(self) -> None:
        if self._changes and self._changes.has_news():
            self._forget()

    def _forget(self) -> None:
        self._applications.forget_all()
        self._accounts.forget_all()


@contextmanager
def _taken() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise AlreadyTakenError("the name, key or id is taken already") from error


def new_key() -> str:
    """Return a random key."""
    return secrets.token_urlsafe(12).replace("-", "a").replace("_", "b")


def _checked(apikey: str | None) -> str:
    if apikey is None:
        return new_key()
    if not KEY.fullmatch(apikey):
        raise ValueError("a key has 1 to 64 visible ASCII characters")
    return apikey
