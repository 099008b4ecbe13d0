import json
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colab_magics.errors import NoCredentials
from colab_magics.settings import Settings
from colab_magics.storage.credentials import find_credentials
from colab_magics.storage.signin.token_file import credentials_dir

STUB = Path(__file__).parents[1] / "stubs/google_colab_stub"
USER = {
    "type": "authorized_user",
    "client_id": "id.apps.googleusercontent.com",
    "client_secret": "GOCSPX-SECRET",
    "refresh_token": "1//SECRET",
}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine where nobody has signed in."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "COLAB_RELEASE_TAG", "TBE_RUNTIME_ADDR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "config").mkdir(mode=0o700)
    return Settings(credentials_dir=str(tmp_path / "config"))


def save(settings: Settings, text: str, mode: int = 0o600) -> Path:
    path = Path(settings.credentials_dir) / "token.json"
    path.write_text(text)
    path.chmod(mode)
    return path


def token(found: Any) -> str:
    """The refresh token behind credentials that follow their source."""
    inner: str = found._inner.refresh_token
    return inner


def test_nobody_is_none(settings: Settings) -> None:
    """Not an error: there are other ways to go on."""
    assert find_credentials(settings) is None
    assert find_credentials(Settings(credentials_dir="/nowhere/at/all")) is None


def test_a_saved_sign_in_is_found(settings: Settings) -> None:
    """With Drive's scope, and without a prompt."""
    save(settings, json.dumps(USER))
    found = find_credentials(settings)

    assert token(found) == "1//SECRET"
    assert found.scopes == ("https://www.googleapis.com/auth/drive",)


def test_the_saved_one_wins_over_the_environment(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The more particular place first; then GOOGLE_APPLICATION_CREDENTIALS."""
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**USER, "refresh_token": "other"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(other))

    assert token(find_credentials(settings)) == "other"

    save(settings, json.dumps(USER))

    assert token(find_credentials(settings)) == "1//SECRET"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(settings: Settings, mode: int) -> None:
    """With the command that mends it."""
    path = save(settings, json.dumps(USER), mode)

    with pytest.raises(NoCredentials) as caught:
        find_credentials(settings)

    assert str(caught.value) == f"others can read {path}; run: chmod 600 '{path}'"


def test_a_folder_that_others_can_enter_is_refused(settings: Settings) -> None:
    """They could put another file there."""
    path = save(settings, json.dumps(USER))
    path.parent.chmod(0o755)

    with pytest.raises(NoCredentials) as caught:
        find_credentials(settings)

    assert str(caught.value) == f"others can read {path.parent}; run: chmod 700 '{path.parent}'"


def test_a_link_is_refused(settings: Settings, tmp_path: Path) -> None:
    """It may lead to what somebody else wrote."""
    path = save(settings, json.dumps(USER))
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")

    with pytest.raises(NoCredentials, match="is not this user's own"):
        find_credentials(settings)


@pytest.mark.parametrize(
    "text",
    ["", "nonsense SECRET", "[]", '{"refresh_token": "1//SECRET"}', '{"type": "service_account"}'],
)
def test_a_damaged_file_is_told_without_what_it_holds(settings: Settings, text: str) -> None:
    """Neither in the message nor in the traceback."""
    path = save(settings, text)

    with pytest.raises(NoCredentials) as caught:
        find_credentials(settings)

    assert str(caught.value) == f"{path} holds no Google credentials; run %drive_auth"
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


def test_a_missing_file_of_the_environment_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a mistake to mend, not a reason to go on without."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")

    with pytest.raises(NoCredentials) as caught:
        find_credentials(settings)

    assert str(caught.value) == "no file /nowhere.json, which GOOGLE_APPLICATION_CREDENTIALS names"


def test_the_folder_is_this_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the settings say where."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "/home/somebody/.config")

    assert credentials_dir(Settings()).name == "colab_magics"
    assert credentials_dir(Settings(credentials_dir="~/x")) == Path("~/x").expanduser()


@pytest.fixture
def colab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A machine that looks like Colab; gives the stub of google.colab.auth."""
    file = tmp_path / "adc.json"
    file.write_text(json.dumps(USER))
    monkeypatch.syspath_prepend(str(STUB))
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab_20261101-060000_RC00")
    monkeypatch.setenv("COLAB_STUB_CREDENTIALS", str(file))
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "none")
    from google.colab import auth

    auth.calls.clear()
    yield auth
    os.environ.pop("GOOGLE_APPLICATION_CREDENTIALS", None)
    for name in [name for name in sys.modules if name.startswith("google.colab")]:
        del sys.modules[name]


def test_on_colab_its_user_is_asked(colab: Any, settings: Settings) -> None:
    """Through Colab's own dialog, once."""
    found = find_credentials(settings)

    assert token(found) == "1//SECRET"
    assert colab.calls == [{"clear_output": True, "project_id": None}]


def test_on_colab_a_saved_sign_in_needs_no_dialog(colab: Any, settings: Settings) -> None:
    """The next session is not asked again."""
    save(settings, json.dumps(USER))

    assert find_credentials(settings) is not None
    assert colab.calls == []


ELSEWHERE = {**USER, "token_uri": "http://127.0.0.1:1/token"}


def test_credentials_never_travel_to_another_drive(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Google's go to Google only, and each Drive of this machine has its own."""
    save(settings, json.dumps(USER))
    other = tmp_path / "other.json"
    other.write_text(json.dumps(USER))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(other))

    assert find_credentials(settings, "http://127.0.0.1:1/") is None
    assert find_credentials(settings, "https://drive.example/") is None
    assert find_credentials(settings, "https://www.googleapis.com/") is not None

    other.write_text(json.dumps(ELSEWHERE))

    assert find_credentials(settings, "http://127.0.0.1:1/") is not None
    assert find_credentials(settings, "http://127.0.0.1:2/") is None


@pytest.mark.parametrize(
    ("uri", "line"),
    [
        ("http://127.0.0.1:1/token", "{} is for the Drive at 127.0.0.1:1; run %drive_auth"),
        ("https://evil.example/token", "{} holds no Google credentials; run %drive_auth"),
        ("http://oauth2.googleapis.com/token", "{} holds no Google credentials; run %drive_auth"),
    ],
)
def test_a_refresh_token_is_sent_to_nobody_else(settings: Settings, uri: str, line: str) -> None:
    """Whatever address the file names."""
    path = save(settings, json.dumps({**USER, "token_uri": uri}))

    with pytest.raises(NoCredentials) as caught:
        find_credentials(settings)

    assert str(caught.value) == line.format(path)


def test_on_colab_a_stored_token_needs_no_dialog(colab: Any, settings: Settings) -> None:
    """The Secret COLAB_MAGICS_TOKEN is read before anybody is asked."""
    from google.colab import userdata

    userdata.secrets["COLAB_MAGICS_TOKEN"] = json.dumps(USER)
    found = find_credentials(settings)

    assert token(found) == "1//SECRET"
    assert colab.calls == []


@pytest.mark.parametrize("name", ["SecretNotFoundError", "NotebookAccessError", "TimeoutException"])
def test_a_stored_token_that_can_not_be_read_is_passed_over(
    colab: Any, settings: Settings, name: str
) -> None:
    """There is Colab's own dialog yet."""
    from google.colab import userdata

    userdata.failures["COLAB_MAGICS_TOKEN"] = getattr(userdata, name)("COLAB_MAGICS_TOKEN")

    assert token(find_credentials(settings)) == "1//SECRET"
    assert len(colab.calls) == 1


def test_a_background_thread_asks_nobody(
    colab: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the dialog nor the Secrets: Colab's messages are the main thread's."""
    from google.colab import userdata

    userdata.secrets["COLAB_MAGICS_TOKEN"] = json.dumps(USER)
    monkeypatch.setenv("CLOUDSDK_CONFIG", "/nowhere")  # no gcloud sign-in of this machine's user
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(attempt(settings)))
    thread.start()
    thread.join(20)

    assert isinstance(found[0], NoCredentials)
    assert (colab.calls, userdata.calls) == ([], [])


def attempt(settings: Settings) -> Any:
    """The credentials, or why there are none."""
    try:
        return find_credentials(settings)
    except NoCredentials as exc:
        return exc
