"""Which access tokens are alive?"""

from __future__ import annotations

import secrets

from .database import Database
from .values import DEFAULT_REFRESH_TOKEN, now_ms


class Tokens:
    """Refresh tokens and the access tokens that they gave.

    Attributes:
        lifetime: Seconds that a new access token lives.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.lifetime: float = 3599
        with database.write() as db:
            values = (DEFAULT_REFRESH_TOKEN,)
            db.execute("INSERT OR IGNORE INTO tokens VALUES (?, 'refresh', NULL, NULL, 0)", values)

    def new_refresh_token(self) -> str:
        """Return a new refresh token."""
        token = "1//" + secrets.token_urlsafe(32)
        with self._database.write() as db:
            db.execute("INSERT INTO tokens VALUES (?, 'refresh', NULL, NULL, 0)", (token,))
        return token

    def new_access_token(self, refresh: str) -> str | None:
        """Return an access token for a refresh token, or None if that one is worth nothing."""
        known = self._database.one(
            "SELECT 1 FROM tokens WHERE token = ? AND kind = 'refresh' AND NOT revoked", (refresh,)
        )
        if not known:
            return None
        token = "ya29." + secrets.token_urlsafe(48)
        values = (token, refresh, now_ms() + int(self.lifetime * 1000))
        with self._database.write() as db:
            db.execute("INSERT INTO tokens VALUES (?, 'access', ?, ?, 0)", values)
        return token

    def accepts(self, token: str, *, strict: bool) -> bool:
        """Say whether a request with this access token is let in.

        Args:
            token: The bearer token; empty if there was none.
            strict: Whether tokens that were not given out here are refused.
        """
        row = self._database.one("SELECT * FROM tokens WHERE token = ?", (token,))
        if row is None:
            return not strict
        return row["kind"] == "access" and not row["revoked"] and row["expires_ms"] > now_ms()

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
