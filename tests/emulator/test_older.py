"""A Drive that an older emulator has left is taken over whole."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

import pytest

from colab_magics.emulator import Emulator
from emulator.api import FOLDER, client_of

ROOT = "0AoldoldoldoldUk9PVA"
FILE = "1" + "f" * 32
DATA = b"from before"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder as the first emulator left it: a file with bytes, a change, a token."""
    root = tmp_path / "drive"
    (root / "blobs").mkdir(parents=True)
    (root / "incoming").mkdir()
    (root / "blobs" / "b1").write_bytes(DATA)
    schema = Path(__file__).with_name("schema_1.sql").read_text()
    db = sqlite3.connect(root / "drive.db", isolation_level=None)
    db.executescript(schema)
    db.execute("PRAGMA user_version = 1")
    db.execute("INSERT INTO facts VALUES ('root', ?)", (ROOT,))
    db.execute("INSERT INTO usage VALUES (0)")
    times = "created_ms, modified_ms, viewed_ms"
    db.execute(
        f"INSERT INTO files (id, name, name_key, mime, {times})"
        " VALUES (?, 'My Drive', 'my drive', ?, 1, 1, 1)",
        (ROOT, FOLDER),
    )
    md5 = hashlib.md5(DATA).hexdigest()
    db.execute(
        f"INSERT INTO files (id, name, name_key, mime, parent, {times}, blob, size, md5,"
        " revision, app_properties) VALUES (?, 'a', 'a', 'text/plain', ?, 1, 1, 1, 'b1', ?, ?,"
        " '0Brev', ?)",
        (FILE, ROOT, len(DATA), md5, json.dumps({"k": "v"})),
    )
    db.executemany("INSERT INTO ids VALUES (?, 'files', 1)", [(ROOT,), (FILE,)])
    db.execute("INSERT INTO changes VALUES (7, ?, 1)", (FILE,))
    db.execute("INSERT INTO tokens VALUES ('1//old', 'refresh', NULL, NULL, 0)")
    db.close()
    return root


def test_an_older_drive_is_taken_over(old: Path) -> None:
    """Files, ids, bytes, private properties, the change log with its numbers, and sign-ins."""
    for _ in range(2):
        with Emulator(old) as emulator, client_of(emulator) as api:
            file = api.file(FILE)
            assert api.file("root")["id"] == ROOT
            assert (file["name"], file["ownedByMe"]) == ("a", True)
            assert file["appProperties"] == {"k": "v"}
            assert api.names("appProperties has {key='k' and value='v'}") == ["a"]
            assert api.bytes_of(FILE) == DATA
            (revision,) = api.ok("GET", f"drive/v3/files/{FILE}/revisions")["revisions"]
            assert revision["id"] == file["headRevisionId"] == "0Brev"
            (change,) = api.changes("7")["changes"]
            assert change["fileId"] == FILE
            assert api.token() == "8"
            about = api.ok("GET", "drive/v3/about?fields=storageQuota")["storageQuota"]
            assert about["usage"] == str(len(DATA))
            assert emulator.tokens.new_access_token("1//old")


def test_a_newer_drive_is_left_alone(old: Path) -> None:
    """One line says so, and nothing is changed."""
    db = sqlite3.connect(old / "drive.db")
    db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(OSError, match="written by a newer emulator"):
        Emulator(old).start()
