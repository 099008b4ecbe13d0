"""Which programs may ask for this Drive, and what has its user let them do?"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .clock import Clock
from .database import Database
from .tokens import SCOPE, Tokens
from .values import DEFAULT_EMAIL

CLIENT_ID = "518392047164-emulator.apps.googleusercontent.com"
CLIENT_SECRET = "GOCSPX-emulator-client-secret"
DRIVE = "https://www.googleapis.com/auth/drive"
# What google-auth signs for, wherever it sends the claim.
_GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
_LONGEST_ASSERTION = 3600 + 300


class Refused(Exception):
    """A refusal of the token endpoint, in OAuth's words."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.error, self.description, self.status = error, description, status


@dataclass(frozen=True)
class _Code:
    email: str
    client: str
    redirect_uri: str
    challenge: str
    scope: str
    dies_ms: int


class Consents:
    """Codes that wait to be traded, and keys of service accounts.

    Attributes:
        code_lifetime: Seconds that a code can be traded.
        rotating: Whether each use of a refresh token gives another in its place.
    """

    def __init__(self, database: Database, tokens: Tokens, clock: Clock) -> None:
        self._database, self._tokens, self._clock = database, tokens, clock
        self._codes: dict[str, _Code] = {}
        self._lock = threading.Lock()
        self.code_lifetime: float = 600
        self.rotating = False

    def users(self) -> list[str]:
        """Return who can sign in: every account that is a person's."""
        rows = self._database.all(
            "SELECT email FROM users WHERE email NOT IN (SELECT email FROM robots)"
        )
        return sorted({DEFAULT_EMAIL, *(row["email"] for row in rows)})

    def give_code(
        self, *, email: str, client: str, redirect_uri: str, challenge: str, scope: str
    ) -> str:
        """Return the code that a program may trade for a user's tokens, once."""
        code = "4/0A" + secrets.token_urlsafe(48)
        dies = self._clock.now_ms() + int(self.code_lifetime * 1000)
        with self._lock:
            self._codes[code] = _Code(email, client, redirect_uri, challenge, scope, dies)
        return code

    def trade(self, form: Mapping[str, str]) -> tuple[str, str]:
        """Return a refresh token and its scope for the code in a form; raise what is wrong."""
        client = check_client(form)
        with self._lock:
            code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.dies_ms <= self._clock.now_ms():
            raise Refused("invalid_grant", "Malformed auth code.")
        if code.client != client:
            raise Refused("unauthorized_client", "Unauthorized", 401)
        if form.get("redirect_uri") != code.redirect_uri:
            raise Refused("redirect_uri_mismatch", "Bad Request")
        if code.challenge and _challenge(form.get("code_verifier", "")) != code.challenge:
            raise Refused("invalid_grant", "Invalid code verifier.")
        return self.grant(code.email, client, code.scope), code.scope

    def renew(self, form: Mapping[str, str]) -> tuple[str, str, str]:
        """Return an access token, its scope, and a refresh token if that was changed."""
        refresh = form.get("refresh_token", "")
        owner = self._tokens.owner(refresh)
        # The default token, and those that tests ask for, belong to programs of their own.
        if owner.client == CLIENT_ID:
            check_client(form)
        access = self._tokens.new_access_token(refresh)
        if access is None:
            raise Refused("invalid_grant", "Token has been expired or revoked.")
        scope = " ".join(sorted(SCOPE + one for one in owner.scopes))
        if not self.rotating:
            return access, scope, ""
        self._tokens.revoke(refresh)
        refresh = self.grant(owner.email, owner.client, scope)
        return self._tokens.new_access_token(refresh) or "", scope, refresh

    def add_account(self, email: str, public_key: str) -> None:
        """Let a service account in; its key is a PEM text."""
        with self._database.write() as db:
            db.execute("INSERT OR REPLACE INTO robots VALUES (?, ?)", (email, public_key))

    def accept(self, assertion: str, audience: str) -> tuple[str, str]:
        """Return an access token and its scope for a service account's signed claim."""
        claim, signed, signature = _parts(assertion)
        account = self._database.one(
            "SELECT * FROM robots WHERE email = ?", (str(claim.get("iss")),)
        )
        if account is None:
            raise Refused("invalid_grant", "Invalid grant: account not found")
        if not _signed_by(account["key"], signed, signature):
            raise Refused("invalid_grant", "Invalid JWT Signature.")
        heard = claim.get("aud") in (audience, _GOOGLE_AUDIENCE)
        now, made, dies = self._clock.now_ms() / 1000, claim.get("iat"), claim.get("exp")
        if not isinstance(made, int) or not isinstance(dies, int) or not heard:
            raise Refused("invalid_grant", "Invalid JWT: failed audience or time check.")
        if not (made - 300 <= now < dies <= made + _LONGEST_ASSERTION):
            raise Refused("invalid_grant", "Invalid JWT: Token must be a short-lived token.")
        scope = str(claim.get("scope", ""))
        refresh = self.grant(account["email"], account["email"], scope)
        return self._tokens.new_access_token(refresh) or "", scope

    def grant(self, email: str, client: str = CLIENT_ID, scope: str = DRIVE) -> str:
        """Return a refresh token that lets a program do for a user what the scope says."""
        return self._tokens.new_refresh_token(email, client=client, scopes=scope.split())


def client_secrets(url: str) -> dict[str, Any]:
    """Return what Google's console lets the owner of a desktop client download."""
    return {
        "installed": {
            "client_id": CLIENT_ID,
            "project_id": "emulator",
            "auth_uri": f"{url}o/oauth2/v2/auth",
            "token_uri": f"{url}token",
            "auth_provider_x509_cert_url": f"{url}oauth2/v1/certs",
            "client_secret": CLIENT_SECRET,
            "redirect_uris": ["http://localhost"],
        }
    }


def service_account(url: str, email: str) -> tuple[dict[str, Any], str]:
    """Return a new key of a service account, as Google's console gives it, and its public half."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    ).decode()
    public = key.public_key().public_bytes(
        form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo
    )
    info = {
        "type": "service_account",
        "project_id": "emulator",
        "private_key_id": secrets.token_hex(20),
        "private_key": private,
        "client_email": email,
        "client_id": "1" + "0" * 20,
        "auth_uri": f"{url}o/oauth2/auth",
        "token_uri": f"{url}token",
        "universe_domain": "googleapis.com",
    }
    return info, public.decode()


def check_client(form: Mapping[str, str]) -> str:
    """Return the id of the program that sends a form; raise if it is not who it says."""
    if form.get("client_id") != CLIENT_ID:
        raise Refused("invalid_client", "The OAuth client was not found.", 401)
    if form.get("client_secret") != CLIENT_SECRET:
        raise Refused("invalid_client", "The provided client secret is invalid.", 401)
    return CLIENT_ID


def is_redirect(uri: str) -> bool:
    """Say whether a desktop program may be answered there: this machine, any port."""
    parts = urlsplit(uri)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _parts(assertion: str) -> tuple[dict[str, Any], bytes, bytes]:
    """Return what a JWT claims, the bytes that are signed, and the signature."""
    try:
        head, body, signature = assertion.split(".")
        claim = json.loads(_bytes(body))
        if json.loads(_bytes(head))["alg"] != "RS256" or not isinstance(claim, dict):
            raise ValueError(head)
        return claim, f"{head}.{body}".encode(), _bytes(signature)
    except (ValueError, KeyError, TypeError):
        raise Refused("invalid_grant", "Invalid JWT.") from None


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _signed_by(public_key: str, signed: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key: Any = load_pem_public_key(public_key.encode())
    try:
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True
