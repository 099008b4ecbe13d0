"""How do credentials stay right while others sign in, sign out and refresh?"""

# mypy: disallow-untyped-calls=False
# Google's libraries are not annotated.

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from typing import Any, NoReturn

_ENDINGS = {
    "invalid_grant": (
        "Google no longer accepts the saved sign-in (it was revoked, unused for 6 months, or its "
        "OAuth client is in Testing mode, where sign-ins end after 7 days); run %drive_auth"
    ),
    "invalid_rapt": "your organisation wants you to sign in again; run %drive_auth",
    "invalid_client": "the OAuth client of the saved sign-in is gone; run %drive_auth",
    "deleted_client": "the OAuth client of the saved sign-in is gone; run %drive_auth",
    "unauthorized_client": "the OAuth client of the saved sign-in is gone; run %drive_auth",
}
_ROBOT = (
    "Google does not accept the service account (was its key deleted, is this machine's clock "
    "right?); run %drive_auth"
)
_OTHER = "Google no longer accepts the saved sign-in; run %drive_auth"
NOBODY = (
    "nobody is signed in to Google Drive; run %drive_auth, or %drive_mount emulator to try it here"
)
_ANONYMOUS = "this Drive asks for a sign-in; run %drive_auth"


def ended(exc: Exception, *, robot: bool = False) -> str:
    """What an error of google-auth says about a sign-in, and what to do.

    Args:
        robot: whether a service account is signed in.
    """
    from google.auth.exceptions import InvalidOperation

    if isinstance(exc, InvalidOperation):  # what nobody's credentials raise when refused
        return _ANONYMOUS
    word = re.match(r"[a-z_]+", str(exc.args[0]) if exc.args else "")
    if robot:
        return _ROBOT
    return _ENDINGS.get(word[0] if word else "", _OTHER)


class LiveCredentials:
    """Google credentials behind one lock, read anew whenever what they come from has changed.

    It has the two methods that Google's transports call. A new sign-in, by this kernel, another
    one or a terminal, so reaches every connection that is open already; a sign-out does too.
    Threads that find the token expired refresh it once, not each.

    Args:
        load: gives Google's credentials; raises NoCredentials where there are none any more.
        stamp: changes when `load` would give others; must be quick.
        keep: called with a refresh token and the one that has taken its place.
    """

    def __init__(
        self,
        load: Callable[[], Any],
        *,
        stamp: Callable[[], object] = lambda: None,
        keep: Callable[[str, str], None] = lambda old, new: None,
    ) -> None:
        self._load, self._stamp, self._keep = load, stamp, keep
        self._pid, self._lock = os.getpid(), threading.RLock()
        self._local = threading.local()
        self._seen = stamp()
        self._inner = load()
        self._sign_ins = 0

    @property
    def _mine(self) -> threading.RLock:
        """The lock; another one in a forked child, where the parent's may be held for ever."""
        if self._pid != os.getpid():
            self._pid, self._lock = os.getpid(), threading.RLock()
        return self._lock

    def follow(self) -> bool:
        """Read them anew if they have changed; whether they had."""
        with self._mine:
            stamp = self._stamp()
            if stamp == self._seen:
                return False
            self._inner = self._load()
            self._seen = stamp
            self._sign_ins += 1
            return True

    def before_request(self, request: Any, method: str, url: str, headers: Any) -> None:
        """Put a live token into a request's headers."""
        with self._mine:
            self.follow()
            if not self._inner.valid:
                self._renew(request)
            self._inner.before_request(request, method, url, headers)
            self._local.token = self._inner.token

    def refresh(self, request: Any) -> None:
        """Get another token, after this thread's request was refused with the last one."""
        with self._mine:
            self.follow()
            if self._inner.token == getattr(self._local, "token", None):
                self._renew(request)  # else another thread has done so already

    def replace(self, other: LiveCredentials) -> None:
        """Go on as another one does, on every connection that uses this one."""
        with self._mine:
            self._load, self._stamp, self._keep = other._load, other._stamp, other._keep
            self._inner, self._seen = other._inner, other._seen
            self._sign_ins += 1

    @property
    def sign_ins(self) -> int:
        """Grows when they are others: from then on it may be another account."""
        with self._mine:
            self.follow()
            return self._sign_ins

    @property
    def service_account_email(self) -> str | None:
        """The service account that is signed in; None for a person."""
        with self._mine:
            return getattr(self._inner, "service_account_email", None)

    @property
    def refresh_token(self) -> str:
        """What a person's sign-in is, and tells it from others; empty for a service account."""
        with self._mine:
            return getattr(self._inner, "refresh_token", None) or ""

    @property
    def scopes(self) -> tuple[str, ...]:
        """What they were asked for; empty where that is not known."""
        with self._mine:
            return tuple(self._inner.scopes or ())

    def _renew(self, request: Any) -> None:
        from google.auth.exceptions import RefreshError

        before = self.refresh_token
        try:
            self._ask(request)
        except RefreshError:
            # Another process may have been given a new refresh token, or a new sign-in, meanwhile.
            if not self.follow():
                raise
            before = self.refresh_token
            self._ask(request)
        if self.refresh_token != before:
            self._keep(before, self.refresh_token)
            self._seen = self._stamp()

    def _ask(self, request: Any) -> None:
        from google.auth.exceptions import TransportError

        try:
            self._inner.refresh(request)
        except TypeError:  # google-auth takes whatever text comes with a 200 for Google's answer
            raise TransportError("a sign-in page of the network is in the way") from None

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are not pickled; each process finds its own")
