"""Which access tokens are alive, and who acts with them?"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from . import accounts
from .accounts import DEFAULT_CALLER, Caller
from .clock import Clock
from .database import Database
from .values import DEFAULT_EMAIL, DEFAULT_REFRESH_TOKEN

SCOPE = "https://www.googleapis.com/auth/"


@dataclass(frozen=True)
class SignIn:
    """A user who has let a client in.

    Attributes:
        email: The user.
        token: An access token.
        refresh_token: What gives more of them.
    """

    email: str
    token: str = field(repr=False)
    refresh_token: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The header that a request of this user carries."""
        return {"Authorization": f"Bearer {self.token}"}


class Tokens:
    """Refresh tokens and the access tokens that they gave.

    Attributes:
        lifetime: Seconds that a new access token lives.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.lifetime: float = 3599
        with database.write() as db:
            values = (DEFAULT_REFRESH_TOKEN,)
            db.execute("INSERT OR IGNORE INTO tokens (token, kind) VALUES (?, 'refresh')", values)

    def new_refresh_token(
        self,
        email: str = DEFAULT_EMAIL,
        *,
        client: str = "",
        scopes: Iterable[str] = ("drive",),
    ) -> str:
        """Return a new refresh token.

        Args:
            email: Whose; the account is made if there is none.
            client: The OAuth client that acts with it.
            scopes: What it is good for, with or without the address in front.
        """
        token = "1//" + secrets.token_urlsafe(32)
        email = email.lower()
        named = " ".join(sorted(one.removeprefix(SCOPE) for one in scopes))
        with self._database.write() as db:
            accounts.add(db, email)
            db.execute(
                "INSERT INTO tokens (token, kind, email, client, scopes)"
                " VALUES (?, 'refresh', ?, ?, ?)",
                (token, email, client, named),
            )
        return token

    def new_access_token(self, refresh: str) -> str | None:
        """Return an access token for a refresh token, or None if that one is worth nothing."""
        known = self._database.one(
            "SELECT * FROM tokens WHERE token = ? AND kind = 'refresh' AND NOT revoked", (refresh,)
        )
        if not known:
            return None
        token = "ya29." + secrets.token_urlsafe(48)
        grant = (known["email"], known["client"], known["scopes"])
        expires = self._clock.now_ms() + int(self.lifetime * 1000)
        values = (token, refresh, expires, *grant)
        with self._database.write() as db:
            db.execute(
                "INSERT INTO tokens (token, kind, refresh, expires_ms, email, client, scopes)"
                " VALUES (?, 'access', ?, ?, ?, ?, ?)",
                values,
            )
        return token

    def sign_in(
        self, email: str, *, client: str = "", scopes: Iterable[str] = ("drive",)
    ) -> SignIn:
        """Let a client act for a user, as the consent page would; the account is made if needed."""
        refresh = self.new_refresh_token(email, client=client, scopes=scopes)
        return SignIn(email, self.new_access_token(refresh) or "", refresh)

    def _row(self, token: str) -> sqlite3.Row | None:
        sql = "SELECT * FROM tokens WHERE token = ?"
        return self._database.one(sql, (token,)) if token else None

    def owner(self, token: str) -> Caller:
        """Return whose a token is, also one that has ended; the default user's if it is unknown."""
        row = self._row(token)
        return Caller.of(row) if row else DEFAULT_CALLER

    def caller(self, token: str, *, strict: bool) -> Caller | None:
        """Return who acts with an access token, or None if it lets nobody in.

        Args:
            token: The bearer token; empty if there was none.
            strict: Whether tokens that were not given out here are refused; else whoever has one
                is the default user.
        """
        row = self._row(token)
        if row is None:
            return None if strict else DEFAULT_CALLER
        ended = row["kind"] != "access" or row["revoked"]
        return None if ended or row["expires_ms"] <= self._clock.now_ms() else Caller.of(row)

    def revoke(self, token: str | None = None) -> bool:
        """Revoke a token, with all that it gave; without a name, every token.

        Returns:
            Whether there was such a token.
        """
        with self._database.write() as db:
            if token is None:
                return db.execute("UPDATE tokens SET revoked = 1").rowcount > 0
            sql = "UPDATE tokens SET revoked = 1 WHERE token = ? OR refresh = ?"
            return db.execute(sql, (token, token)).rowcount > 0

    def expire(self, token: str | None = None) -> bool:
        """Let an access token expire now; without a name, every one.

        Returns:
            Whether there was such a token.
        """
        sql = "UPDATE tokens SET expires_ms = 0 WHERE kind = 'access' AND coalesce(token = ?, 1)"
        with self._database.write() as db:
            return db.execute(sql, (token,)).rowcount > 0

    def restore(self) -> None:
        """Make the default refresh token good again after it was revoked."""
        with self._database.write() as db:
            db.execute("UPDATE tokens SET revoked = 0 WHERE token = ?", (DEFAULT_REFRESH_TOKEN,))
