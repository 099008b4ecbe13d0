"""Which values can be set, what are they unless set, and who wins?

An argument wins over the environment (``COLAB_MAGICS_<NAME>``), which wins over the default here.
Durations are seconds as float, sizes are bytes as int, everywhere.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from colab_magics.errors import BadValue

_MAY_BE_ZERO = ("COLAB_MAGICS_DEBOUNCE_SECONDS", "COLAB_MAGICS_FRESH_SECONDS")


@dataclass(frozen=True)
class Settings:
    """Every setting, with its default."""

    drive_url: str = ""
    """Address of another Drive endpoint, such as an emulator's; empty: Google's."""
    emulator_root: str = ""
    """Folder of the embedded Drive's files; empty: this user's data folder."""
    credentials_dir: str = ""
    """Folder of saved credentials; empty: this user's configuration folder."""
    sign_in_seconds: float = 300.0
    """Seconds that `%drive_auth` waits for the browser's answer."""
    poll_active_seconds: float = 1.0
    """Seconds between looks at a Drive that changed within the last minute."""
    poll_idle_seconds: float = 15.0
    """Seconds between looks at a Drive where nothing happens; reached step by step."""
    poll_max_seconds: float = 60.0
    """Most seconds between looks while Drive asks to slow down."""
    relist_seconds: float = 300.0
    """Seconds between full listings, since Drive's change log can be late."""
    fresh_seconds: float = 5.0
    """Seconds for which what is known of a Drive is relied on before its change log is asked."""
    scan_seconds: float = 2.0
    """Seconds between scans of places that report no changes themselves."""
    debounce_seconds: float = 0.5
    """Seconds a changed file must be still before its cell runs."""
    retry_attempts: int = 6
    """Most tries of one call of Drive."""
    retry_seconds: float = 90.0
    """Most seconds spent on the tries of one call of Drive."""
    retry_first_seconds: float = 0.5
    """Longest wait before the second try; doubles from there."""
    retry_wait_seconds: float = 32.0
    """Longest wait between two tries."""
    timeout_seconds: float = 60.0
    """Seconds without a byte after which a connection counts as dead."""
    chunk_bytes: int = 8 * 1024 * 1024
    """Least bytes of one part of a download or of a resumable upload."""
    connections: int = 4
    """Connections over which one large file is fetched."""
    parallel_files: int = 8
    """Files of a folder that are fetched or sent at the same time."""
    quota_units_per_minute: int = 325_000
    """Units of Drive's quota that this account has for a minute; 90 % of them are used."""
    state_dir: str = ""
    """Folder of what survives a restart, such as begun uploads; empty: this user's state folder."""

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """Settings from arguments, then the environment, then the defaults.

        Raises:
            BadValue: an environment variable has a value of the wrong kind.
        """
        environ = os.environ if environ is None else environ
        if unknown := set(given) - {field.name for field in fields(cls)}:
            raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
        values: dict[str, Any] = {}
        for field in fields(cls):
            name = f"COLAB_MAGICS_{field.name.upper()}"
            if given.get(field.name) is not None:
                values[field.name] = given[field.name]
            elif environ.get(name):
                values[field.name] = _read(name, environ[name], type(field.default))
        return cls(**values)

    def emulator_folder(self) -> Path:
        """Where the embedded Drive keeps its files."""
        if self.emulator_root:
            return Path(self.emulator_root).expanduser()
        import platformdirs

        return Path(platformdirs.user_data_dir("colab_magics")) / "emulator"

    def state_folder(self) -> Path:
        """Where this user's state is kept that survives a restart."""
        if self.state_dir:
            return Path(self.state_dir).expanduser()
        import platformdirs

        return Path(platformdirs.user_state_dir("colab_magics"))


def _read(name: str, text: str, kind: type) -> Any:
    try:
        value = kind(text)
    except ValueError:
        raise BadValue(
            f"{name}={text!r} is not {'a number' if kind is not str else 'text'}"
        ) from None
    if kind is str:
        return value
    zero = name in _MAY_BE_ZERO
    if not (value >= 0 if zero else value > 0) or value == math.inf:
        raise BadValue(f"{name}={text!r} must be {'0 or more' if zero else 'more than 0'}")
    return value
