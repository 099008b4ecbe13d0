"""What does a server of this machine show a client that insists on TLS?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

NAMES = ("*.googleapis.com", "docs.google.com", "localhost", "127.0.0.1")


@dataclass(frozen=True)
class Certificates:
    """PEM files: a certificate for Google's names and this machine's, and who vouches for it.

    Attributes:
        authority: The certificate of the authority; a client that trusts it trusts the server.
        cert: The server's certificate.
        key: Its private key.
        other_key: A private key that belongs to another certificate.
    """

    authority: Path
    cert: Path
    key: Path
    other_key: Path


def issue(folder: Path) -> Certificates:
    """Make an authority, and certificates of it, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    leaf, other = authority.issue_cert(*NAMES), authority.issue_cert("localhost")
    made = Certificates(*(folder / f"{name}.pem" for name in ("ca", "cert", "key", "other-key")))
    authority.cert_pem.write_to_path(made.authority)
    leaf.cert_chain_pems[0].write_to_path(made.cert)
    leaf.private_key_pem.write_to_path(made.key)
    other.private_key_pem.write_to_path(made.other_key)
    return made
