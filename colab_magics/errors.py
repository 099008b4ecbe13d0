"""Which things can go wrong, and what is each called?

ColabMagicsError
├── PlaceNotFound         (FileNotFoundError)   no file or folder at a place
├── PlaceIsFolder         (IsADirectoryError)   a folder where a file is needed
├── PlaceIsFile           (NotADirectoryError)  a file where a folder is needed
├── BadPlace              (ValueError)          text that names no place
├── BadValue              (ValueError)          an option or setting with a wrong value
├── NoDrive                                     no Drive is attached to this notebook
├── NoCredentials         (PermissionError)     nobody is signed in
├── WatchNotFound         (LookupError)         no watch of that name
├── WatchFailed           (RuntimeError)        a watch that can not start or go on
├── Unloaded              (RuntimeError)        the extension was unloaded
├── DiskFull              (OSError)             no room on this machine
├── MissingExtra          (ImportError)         an optional package is not installed
└── DriveError            (OSError)             Drive, or the way to it, refused
    ├── DriveUnreachable  (ConnectionError)     no answer, or one that was cut
    ├── DriveBusy                               asked too often, or Drive has a bad minute
    ├── DriveFull                               no storage left
    ├── DriveForbidden    (PermissionError)     this account may not do that
    ├── DriveConflict     (FileExistsError)     that id is taken, or the file has changed since
    ├── TransferDamaged                         bytes arrived that are not the file's bytes
    └── TokenRejected                           a place in Drive's change log that is not known
"""

from __future__ import annotations

from typing import Any


class ColabMagicsError(Exception):
    """Something the user can mend; in a notebook it is shown as one line.

    Facts travel as keyword arguments and stay readable as attributes, also after pickling.
    """

    def __init__(self, message: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts
        for name, value in facts.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return self.message

    def _render_traceback_(self) -> list[str]:
        """Give IPython one line in place of a traceback; the log has the whole of it."""
        return [f"{type(self).__name__}: {self.message}"]


class PlaceNotFound(ColabMagicsError, FileNotFoundError):
    """No file or folder at a place."""


class PlaceIsFolder(ColabMagicsError, IsADirectoryError):
    """A folder stands where a file is needed."""


class PlaceIsFile(ColabMagicsError, NotADirectoryError):
    """A file stands where a folder is needed."""


class BadPlace(ColabMagicsError, ValueError):
    """The text names no place."""


class BadValue(ColabMagicsError, ValueError):
    """An option or setting has a value it can not have."""


class NoDrive(ColabMagicsError):
    """No Drive is attached to this notebook."""


class NoCredentials(ColabMagicsError, PermissionError):
    """Nobody is signed in to Drive here."""


class WatchNotFound(ColabMagicsError, LookupError):
    """No watch has that name."""


class WatchFailed(ColabMagicsError, RuntimeError):
    """A watch can not start or go on."""


class Unloaded(ColabMagicsError, RuntimeError):
    """The extension was unloaded."""


class DiskFull(ColabMagicsError, OSError):
    """This machine's disk has no room for what is to be written."""


class MissingExtra(ColabMagicsError, ImportError):
    """An optional package is not installed."""


class DriveError(ColabMagicsError, OSError):
    """Drive, or the way to it, refused.

    Attributes:
        status: the HTTP status, or None where no answer came.
        reason: Drive's own word for it, such as ``userRateLimitExceeded``.
        retry_after: seconds that Drive asked to wait, or None.
    """

    status: int | None = None
    reason: str = ""
    retry_after: float | None = None


class DriveUnreachable(DriveError, ConnectionError):
    """No answer came, or it was cut off."""


class DriveBusy(DriveError):
    """Drive was asked too often, or has a bad minute; asking again later is right."""


class DriveFull(DriveError):
    """The Drive has no storage left."""


class DriveForbidden(DriveError, PermissionError):
    """This account may not do that."""


class DriveConflict(DriveError, FileExistsError):
    """The id is taken already, or the file has changed since it was read."""


class TransferDamaged(DriveError):
    """The bytes that arrived are not the file's bytes."""


class TokenRejected(DriveError):
    """Drive does not know that place in its change log; list everything and start anew."""


def in_words(exc: Exception) -> str:
    """What went wrong, in a line: our own, or what this machine says to it."""
    if isinstance(exc, OSError) and not isinstance(exc, ColabMagicsError) and exc.strerror:
        return exc.strerror.lower()
    return str(exc)
