import io
import pickle
import threading
from datetime import UTC, datetime

import pytest

from colab_magics.emulator import Emulator
from colab_magics.errors import (
    BadPlace,
    BadValue,
    ColabMagicsError,
    DriveBusy,
    DriveConflict,
    DriveForbidden,
    DriveFull,
    DriveUnreachable,
    NoCredentials,
    PlaceNotFound,
    TokenRejected,
)
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.own import OwnRevisions
from colab_magics.storage.tree import FOLDER

from .conftest import JumpingClock

RETRIED = [
    (403, "rateLimitExceeded"),
    (403, "userRateLimitExceeded"),
    (408, None),
    (429, "rateLimitExceeded"),
    (500, "backendError"),
    (502, None),
    (503, None),
    (504, None),
]


def names(api: DriveAPI) -> list[str]:
    return sorted(node.name for node in api.children(api.root_id()))


def test_a_file_goes_there_and_comes_back(api: DriveAPI) -> None:
    """Created, described, read, changed, trashed, deleted."""
    made = api.create("a.txt", api.root_id(), b"hello", mime_type="text/plain")
    target = io.BytesIO()

    assert (made.name, made.size, made.mime_type) == ("a.txt", 5, "text/plain")
    assert made.md5 == "5d41402abc4b2a76b9719d911017c592"
    assert made.parent == api.root_id()
    assert api.get(made.id) == made
    assert api.download(made.id, target) == 5
    assert target.getvalue() == b"hello"

    changed = api.update(made.id, b"hello again", mime_type="text/plain")

    assert (changed.id, changed.size, changed.mime_type) == (made.id, 11, "text/plain")
    assert changed.revision != made.revision

    renamed = api.update(made.id, name="b.txt")

    assert (renamed.name, renamed.revision) == ("b.txt", changed.revision)

    api.update(made.id, trashed=True)

    assert api.children(api.root_id()) == []

    api.delete(made.id)

    with pytest.raises(PlaceNotFound):
        api.get(made.id)


def test_a_name_is_found_in_its_very_case(api: DriveAPI) -> None:
    """Drive's own "=" ignores case; quotes and backslashes are no danger."""
    for name in ("it's", "IT'S", "back\\slash", "a' or name != '"):
        api.create(name, api.root_id(), b"")

    for name in ("it's", "back\\slash", "a' or name != '"):
        assert [node.name for node in api.find(api.root_id(), name)] == [name]
    assert api.find(api.root_id(), "nothing") == []


def test_a_listing_goes_on_after_the_first_page(api: DriveAPI, drive: Emulator) -> None:
    """The end is where no further page is named."""
    folder = api.create("f", api.root_id(), mime_type=FOLDER)
    for number in range(7):
        api.create(f"{number}", folder.id, b"")
    drive.faults.add(path="/files$", query="never")
    found = api.list(f"'{folder.id}' in parents and trashed = false", order_by="name")

    assert [node.name for node in found] == list("0123456")


def test_a_file_can_be_moved_and_copied(api: DriveAPI) -> None:
    """A move keeps the id, a copy has another one."""
    folder = api.create("f", api.root_id(), mime_type=FOLDER)
    made = api.create("a", api.root_id(), b"x")

    moved = api.update(made.id, add_parent=folder.id, remove_parent=api.root_id())
    copied = api.copy(made.id, "b", api.root_id())

    assert (moved.id, moved.parent) == (made.id, folder.id)
    assert copied.id != made.id
    assert (copied.name, copied.parent, copied.md5) == ("b", api.root_id(), made.md5)


def test_about_says_whose_and_how_full(api: DriveAPI) -> None:
    """Bytes as numbers."""
    api.create("a", api.root_id(), b"12345")

    about = api.about()

    assert (about.user, about.limit, about.usage) == ("user@drive.emulator", 16106127360, 5)


def test_changes_are_read_from_a_token(api: DriveAPI) -> None:
    """One entry for each file, with its present state; a deleted one has none."""
    token = api.start_page_token()
    kept, gone = api.create("kept", api.root_id(), b"1"), api.create("gone", api.root_id(), b"1")
    api.update(kept.id, b"2")
    api.delete(gone.id)

    page = api.changes(token)

    entries = {entry.file_id: entry for entry in page.entries}
    assert page.last
    assert api.changes(page.next_token).entries == []
    assert entries[kept.id].node == api.get(kept.id)
    assert (entries[gone.id].removed, entries[gone.id].node) == (True, None)
    assert abs((entries[kept.id].time - datetime.now(UTC)).total_seconds()) < 60


def test_a_rejected_token_has_an_error_of_its_own(api: DriveAPI) -> None:
    """Whoever polls must list anew then."""
    with pytest.raises(TokenRejected) as caught:
        api.changes("nonsense")

    assert caught.value.status == 400
    assert caught.value.reason


def test_ids_are_given_out_once(api: DriveAPI) -> None:
    """From a small pool, so that most creates cost no request for one."""
    first = api.generate_ids(3)
    before = api.requests
    second = api.generate_ids(3)

    assert len({*first, *second}) == 6
    assert api.requests == before
    assert len(api.generate_ids(50)) == 50


def test_requests_and_units_are_counted(api: DriveAPI, drive: Emulator) -> None:
    """As the server meters them."""
    made = api.create("a", api.root_id(), b"x")
    api.children(api.root_id())
    api.download(made.id, io.BytesIO())
    api.changes(api.start_page_token())

    assert api.requests == len(drive.log)
    assert api.units == drive.quota.used


@pytest.mark.parametrize(("status", "reason"), RETRIED)
def test_a_passing_refusal_is_not_seen(
    api: DriveAPI, drive: Emulator, status: int, reason: str | None
) -> None:
    """Reads and writes, metadata and media, refused twice: done in the third try, and once."""
    drive.faults.add(method="POST", path="upload", status=status, reason=reason, times=2)
    drive.faults.add(method="GET", path="/files/[^g]", status=status, reason=reason, times=2)

    made = api.create("a", api.root_id(), b"x")

    assert api.get(made.id).name == "a"
    assert names(api) == ["a"]


@pytest.mark.parametrize(("status", "reason"), RETRIED)
def test_a_refusal_that_did_it_all_the_same_makes_no_second_file(
    api: DriveAPI, drive: Emulator, status: int, reason: str | None
) -> None:
    """An error says nothing about what was done; the id drawn before does."""
    root = api.root_id()
    drive.faults.add(method="POST", path="files", status=status, reason=reason, effect=True, nth=1)
    api.create("a", root, b"x")
    drive.faults.clear()
    drive.faults.add(method="POST", path="files", status=status, reason=reason, effect=True, nth=1)
    folder = api.create("f", root, mime_type=FOLDER)
    drive.faults.clear()
    drive.faults.add(method="POST", path="copy", status=status, reason=reason, effect=True, nth=1)
    api.copy(api.find(root, "a")[0].id, "b", folder.id)

    assert names(api) == ["a", "f"]
    assert [node.name for node in api.children(folder.id)] == ["b"]


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_cut_connection_makes_no_second_file(api: DriveAPI, drive: Emulator, cut: str) -> None:
    """Whether the request had its effect or not."""
    root = api.root_id()
    drive.faults.add(method="POST", path="files", cut=cut, nth=1)  # type: ignore[arg-type]
    made = api.create("a", root, b"x")
    drive.faults.clear()
    drive.faults.add(method="POST", path="files", cut=cut, nth=1)  # type: ignore[arg-type]
    folder = api.create("f", root, mime_type=FOLDER)
    drive.faults.clear()
    drive.faults.add(method="DELETE", cut=cut, nth=1)  # type: ignore[arg-type]
    drive.faults.add(method="PATCH", cut=cut, times=2)  # type: ignore[arg-type]
    api.update(made.id, b"y")
    api.delete(folder.id)

    assert names(api) == ["a"]
    assert api.get(made.id).md5 == "415290769594460e2e485922904f345d"


def test_a_taken_id_is_a_conflict(api: DriveAPI, outsider: DriveAPI) -> None:
    """The first one has it; a repeated create of the same file is that file."""
    [id] = api.generate_ids(1)
    mine = api.create("lock", api.root_id(), b"mine", file_id=id)

    with pytest.raises(DriveConflict):
        outsider.create("lock", api.root_id(), b"theirs", file_id=id)
    assert api.create("lock", api.root_id(), b"mine", file_id=id) == mine
    with pytest.raises(DriveConflict):
        api.create("folder", api.root_id(), mime_type=FOLDER, file_id=id)


def test_retry_after_is_obeyed(api: DriveAPI, drive: Emulator, clock: JumpingClock) -> None:
    """The wait is at least what Drive asked for."""
    drive.faults.add(path="/files/root", status=429, retry_after=20, nth=1)

    api.root_id()

    assert clock.waits == [20.0]


def test_tries_end(api: DriveAPI, drive: Emulator, clock: JumpingClock) -> None:
    """Six times, then the last error, with its facts."""
    drive.faults.add(path="/files/root", status=503, reason="backendError")

    with pytest.raises(DriveBusy) as caught:
        api.root_id()

    assert (caught.value.status, caught.value.reason) == (503, "backendError")
    assert api.requests == 6
    assert len(clock.waits) == 5


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("storageQuotaExceeded", DriveFull),
        ("dailyLimitExceeded", DriveForbidden),
        ("insufficientParentPermissions", DriveForbidden),
    ],
)
def test_what_will_not_pass_is_told_at_once(
    api: DriveAPI, drive: Emulator, reason: str, kind: type[Exception]
) -> None:
    """No second try."""
    drive.faults.add(method="POST", path="upload", reason=reason)

    with pytest.raises(kind):
        api.create("a", "root", b"x")

    assert len([entry for entry in drive.log if entry.method == "POST"]) == 1


def test_a_captive_portal_is_no_drive(api: DriveAPI, drive: Emulator) -> None:
    """HTML with status 200 is a broken way, tried again."""
    drive.faults.add(path="/files", body="<html>sign in</html>", times=2)

    assert api.root_id()

    drive.faults.clear()
    drive.faults.add(path="/files", body="<html>sign in</html>")

    with pytest.raises(DriveUnreachable, match="the answer is not Drive's"):
        api.children("root")


def test_nobody_there_is_told(settings: Settings, clock: JumpingClock) -> None:
    """A refused connection, after the tries, without its URL."""
    api = DriveAPI(url="http://127.0.0.1:9/", settings=settings, clock=clock)

    with pytest.raises(DriveUnreachable) as caught:
        api.root_id()

    assert str(caught.value).startswith("read root: no answer from Drive, or it was cut")
    assert "127.0.0.1" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    api.close()


def test_an_expired_token_is_renewed(
    tmp_path_factory: pytest.TempPathFactory, settings: Settings, clock: JumpingClock
) -> None:
    """Metadata, small and large uploads, downloads: each meets a 401, and goes on."""
    from google.oauth2.credentials import Credentials

    with Emulator(tmp_path_factory.mktemp("auth"), require_auth=True) as drive:
        credentials = Credentials(  # type: ignore[no-untyped-call]
            token="stale",
            refresh_token=drive.refresh_token,
            token_uri=f"{drive.url}token",
            client_id="id",
            client_secret="secret",
        )
        api = DriveAPI(url=drive.url, credentials=credentials, settings=settings, clock=clock)
        root = api.root_id()
        drive.tokens.expire()
        made = api.create("a", root, b"x")
        drive.tokens.expire()
        large = api.create("b", root, b"y" * 6_000_000)
        drive.tokens.expire()
        target = io.BytesIO()
        api.fetch(large.id, target)
        drive.tokens.expire()

        assert api.get(made.id).name == "a"
        assert target.getvalue() == b"y" * 6_000_000

        drive.tokens.revoke()
        with pytest.raises(NoCredentials) as caught:
            api.get(made.id)
        assert "secret" not in repr(caught.value.__dict__)
        api.close()


def test_without_a_token_a_strict_drive_says_sign_in(
    tmp_path_factory: pytest.TempPathFactory, settings: Settings
) -> None:
    """Anonymous is enough for an emulator only."""
    with Emulator(tmp_path_factory.mktemp("auth"), require_auth=True) as drive:
        api = DriveAPI(url=drive.url, settings=settings)

        with pytest.raises(NoCredentials):
            api.root_id()
        with pytest.raises(NoCredentials):
            api.create("a", "root", b"x", file_id="x")
        api.close()


def test_google_needs_credentials(settings: Settings) -> None:
    """The message says how to go on without."""
    with pytest.raises(NoCredentials, match="or %drive_mount emulator"):
        DriveAPI(settings=settings)


@pytest.mark.parametrize("url", ["http://example.org/", "ftp://127.0.0.1/", "127.0.0.1:80", "x"])
def test_an_endpoint_is_https_or_this_machine(settings: Settings, url: str) -> None:
    """Tokens and files do not travel in the clear."""
    with pytest.raises(BadValue):
        DriveAPI(url=url, settings=settings)


@pytest.mark.parametrize("id", ["", "a/b", "../x", "trash", "generateIds", "a?b", "a b"])
def test_only_ids_stand_in_urls(api: DriveAPI, id: str) -> None:
    """A text that would ask for something else is refused before it is sent."""
    for call in (api.get, api.delete, api.children):
        with pytest.raises(BadPlace):
            call(id)

    assert api.requests == 0


def test_a_readonly_drive_is_not_written(api: DriveAPI, drive: Emulator) -> None:
    """Everything that would change it is refused here already."""
    made = api.create("a", api.root_id(), b"x")
    api.readonly = True
    before = len(drive.log)
    writes = [
        lambda: api.create("b", "root"),
        lambda: api.update(made.id, b"y"),
        lambda: api.delete(made.id),
        lambda: api.copy(made.id, "b", "root"),
    ]

    for write in writes:
        with pytest.raises(DriveForbidden, match="read-only"):
            write()
    assert len(drive.log) == before


def test_own_writes_are_known(api: DriveAPI) -> None:
    """So that a watch can tell them from others'."""
    made = api.create("a", api.root_id(), b"x")
    changed = api.update(made.id, b"y")

    assert api.own_revisions.written_by(threading.get_ident()) == {
        (made.id, made.revision),
        (made.id, changed.revision),
    }


def test_the_memory_of_own_writes_is_bounded() -> None:
    """The oldest goes first."""
    own = OwnRevisions(most=2)
    for revision in ("1", "2", "3"):
        own.add(("a", revision))

    assert own.written_by(threading.get_ident()) == {("a", "2"), ("a", "3")}


def test_a_pickle_holds_no_secret(drive: Emulator, settings: Settings) -> None:
    """Nor does the repr; who unpickles it needs credentials of its own."""
    from google.oauth2.credentials import Credentials

    credentials = Credentials(token="ya29.SECRET", refresh_token="1//SECRET")  # type: ignore[no-untyped-call]
    api = DriveAPI(url=drive.url, credentials=credentials, settings=settings)
    pickled = pickle.dumps(api)

    assert b"SECRET" not in pickled
    assert "SECRET" not in repr(api)
    with_other_eyes = pickle.loads(pickled)
    assert with_other_eyes.root_id() == api.root_id()
    with_other_eyes.close()
    api.close()


def test_after_close_a_waiting_call_ends(drive: Emulator, settings: Settings) -> None:
    """Closing does not wait for tries that are still to come."""
    api = DriveAPI(url=drive.url, settings=settings)
    api.close()
    drive.faults.add(path="/files/root", status=503)

    with pytest.raises(ColabMagicsError):
        api.root_id()

    assert api.requests == 1
    api.close()


def test_a_refusal_that_passes_is_not_shown(
    api: DriveAPI, drive: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Google's client would warn into the user's cell."""
    drive.faults.add(path="/files/root", status=403, reason="rateLimitExceeded", nth=1)
    api.root_id()

    assert caplog.records == []


def test_an_endpoint_may_be_named_by_any_name_of_this_machine(
    drive: Emulator, settings: Settings
) -> None:
    """Upload sessions come back to the name that was asked."""
    api = DriveAPI(url=drive.url.replace("127.0.0.1", "localhost"), settings=settings)
    made = api.create("a", api.root_id(), b"x" * 6_000_000)

    assert made.size == 6_000_000
    api.close()


def test_a_node_that_is_known_saves_a_request(api: DriveAPI, outsider: DriveAPI) -> None:
    """And one that is out of date does no harm."""
    made = api.create("a", api.root_id(), b"old")
    before, target = api.requests, io.BytesIO()

    assert api.fetch(made, target) == made
    assert (target.getvalue(), api.requests - before) == (b"old", 1)

    changed = outsider.update(made.id, b"new")
    target = io.BytesIO()

    assert api.fetch(made, target) == changed
    assert target.getvalue() == b"new"
