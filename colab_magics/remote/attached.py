"""Which Drive does a command of the terminal mean, and which place on it?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from colab_magics.errors import DriveUnreachable, NoCredentials
from colab_magics.settings import Settings

if TYPE_CHECKING:
    from colab_magics.storage.mount import Drive
    from colab_magics.storage.place import Place


def places(wanted: str | None, typed: list[str]) -> list[Place]:
    """The places that texts name, relative ones on the Drive that is meant.

    Args:
        wanted: what ``--drive`` says.

    Raises:
        NoCredentials: nobody is signed in, and no emulator is running.
        BadPlace: a text names no place.
    """
    from colab_magics.storage.place import resolve

    settings = Settings.load()
    drive = drive_of(wanted, settings)
    return [resolve(one, drive, settings=settings) for one in typed]


def drive_of(wanted: str | None, settings: Settings) -> Drive:
    """The Drive that a command means; the running emulator when nobody is signed in."""
    from colab_magics.emulator import find
    from colab_magics.storage.credentials import find_credentials
    from colab_magics.storage.mount import attach

    def running() -> tuple[str, Callable[[], None]]:
        url = find(settings.emulator_folder())
        if url is None:
            raise DriveUnreachable("no emulator is running; start one: colab-magics emulator")
        return url, lambda: None

    if wanted is None and not settings.drive_url and find_credentials(settings) is None:
        if find(settings.emulator_folder()) is None:
            raise NoCredentials(
                "nobody is signed in to Google Drive, and no emulator is running; run "
                "colab-magics auth, or start one: colab-magics emulator"
            )
        wanted = "emulator"
    return attach(wanted, settings=settings, open_emulator=running)
