"""What does a program see that believes it is on the internet? Google's names, and the emulator."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.certificates import Certificates

from colab_magics.emulator import Emulator
from witness.proxy import Proxy

TOKEN_URI = "https://oauth2.googleapis.com/token"
# What a program could find of this machine's user, or of another proxy.
_HIDDEN = (
    "GOOGLE_",
    "GDRIVE_",
    "RCLONE_",
    "HTTP",
    "NO_PROXY",
    "PYTEST_",
    "PYTHON",
    "COLAB_MAGICS_",
)


@dataclass(frozen=True)
class World:
    """An emulator over TLS, and the proxy that leads Google's names to it."""

    emulator: Emulator
    proxy: Proxy
    certificates: Certificates
    home: Path

    def environ(self, **extra: str) -> dict[str, str]:
        """Return the environment of a program here: proxy, trust, and a home of its own."""
        env = {k: v for k, v in os.environ.items() if not k.upper().startswith(_HIDDEN)}
        trusted = ("HTTPLIB2_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
        env |= dict.fromkeys(trusted, str(self.certificates.authority))
        env |= {"HTTPS_PROXY": self.proxy.url, "HOME": str(self.home)}
        return env | extra

    def run(
        self, *words: str | Path, cwd: Path | None = None, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end; any code but 0 fails the test, and says what was printed.

        Args:
            words: The command.
            cwd: The folder it runs in; None for its home.
            extra: More variables of its environment.
        """
        done = subprocess.run(
            [str(word) for word in words],
            env=self.environ(**extra),
            cwd=cwd or self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        said = f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, said
        return done

    def service_account(self) -> Path:
        """Return a file with the key of a service account, as Google's console gives it."""
        path = self.home / "service_account.json"
        info: dict[str, Any] = {**self.emulator.service_account(), "token_uri": TOKEN_URI}
        path.write_text(json.dumps(info))
        return path

    def statuses(self) -> dict[int, int]:
        """Return how many requests were answered how."""
        counts: dict[int, int] = {}
        for entry in self.emulator.log:
            counts[entry.status] = counts.get(entry.status, 0) + 1
        return counts
