"""Are Colab's Secrets and its user asked rightly, on a stand-in for Colab's own package?"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colab_magics.display import Link
from colab_magics.errors import BadValue, ColabMagicsError, NoCredentials
from colab_magics.settings import Settings
from colab_magics.storage.signin.account import read_source
from colab_magics.storage.signin.auth import Screen, Wish, carry_out
from colab_magics.storage.signin.cards import LinkCard, secret_card, ways_card
from colab_magics.storage.signin.colab import authenticate, secret

STUB = Path(__file__).parents[2] / "stubs/google_colab_stub"


@pytest.fixture
def colab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A machine that looks like Colab; gives the stub of google.colab."""
    monkeypatch.syspath_prepend(str(STUB))
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab_20261101-060000_RC00")
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    import google.colab

    yield google.colab
    for name in [name for name in sys.modules if name.startswith("google.colab")]:
        del sys.modules[name]


def line(call: Any) -> str:
    """What a call fails with; nothing of the cause stays attached to it."""
    with pytest.raises(ColabMagicsError) as caught:
        call()
    assert caught.value.__context__ is None
    return str(caught.value)


def test_an_option_can_name_a_secret(colab: Any) -> None:
    """So that no file with a secret has to lie on the machine, or in the notebook."""
    colab.userdata.secrets["CLIENT"] = "the text"

    assert read_source("secret:CLIENT") == "the text"


def test_a_secret_that_can_not_be_read_says_why(colab: Any) -> None:
    """In one line each, with what to do."""
    colab.userdata.failures["CLOSED"] = colab.userdata.NotebookAccessError("CLOSED")
    colab.userdata.failures["LATE"] = colab.userdata.TimeoutException("LATE")
    colab.userdata.failures["ODD"] = RuntimeError("SECRET")

    assert line(lambda: secret("NONE")) == (
        "the Colab Secret NONE does not exist; add it under the key sign at the left"
    )
    assert line(lambda: secret("CLOSED")) == (
        "the Colab Secret CLOSED is not open to this notebook; switch on its notebook access"
    )
    assert line(lambda: secret("LATE")) == (
        "the Colab Secret LATE could not be read in time; is the notebook's page open?"
    )
    assert line(lambda: secret("ODD")) == ("the Colab Secret ODD could not be read (RuntimeError)")
    assert line(lambda: read_source("secret:")) == (
        "secret: needs a name behind it, such as secret:DRIVE_CLIENT"
    )


def test_no_other_thread_reads_secrets(colab: Any) -> None:
    """Colab's messages to its page are the main thread's."""
    lines: list[str] = []
    thread = threading.Thread(target=lambda: lines.append(line(lambda: secret("CLIENT"))))
    thread.start()
    thread.join(20)

    assert lines == ["a Colab Secret can be read in a cell only; run %drive_auth"]
    assert colab.userdata.calls == []


def test_a_dialog_that_was_closed_is_one_line(colab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever Colab raises then; it has no class for it."""

    def closed(**_: object) -> None:
        raise ValueError("SECRET")

    monkeypatch.setattr(colab.auth, "authenticate_user", closed)

    assert line(lambda: authenticate(("scope",))) == (
        "Colab signed nobody in (ValueError); run %drive_auth"
    )


def test_a_client_in_a_secret_is_checked_like_a_file(colab: Any, tmp_path: Path) -> None:
    """Its text is in no message."""
    colab.userdata.secrets["CLIENT"] = json.dumps({"installed": {"client_id": "GOCSPX-SECRET"}})
    settings = Settings(credentials_dir=str(tmp_path))
    wish = Wish(client_secrets="secret:CLIENT")
    with pytest.raises(BadValue) as caught:
        carry_out(wish, Screen(lambda card: None, lambda: ""), settings)

    assert str(caught.value).startswith("secret:CLIENT holds no OAuth client;")
    assert "GOCSPX" not in str(caught.value)


def test_how_a_sign_in_becomes_a_secret_is_told_without_it(tmp_path: Path) -> None:
    """No program can write a Colab Secret, and a cell's output is saved: a person carries it."""
    path = tmp_path / "token.json"
    with pytest.raises(NoCredentials, match="no sign-in is kept here"):
        secret_card(path)
    path.write_text('{"refresh_token": "1//SECRET"}')
    card = secret_card(path)

    assert str(path) in repr(card)
    assert "COLAB_MAGICS_TOKEN" in repr(card)
    assert "SECRET" not in (repr(card) + card._repr_html_()).replace("Colab Secret", "")


def test_the_ways_fit_one_card() -> None:
    """With a problem first, if there is one."""
    text = repr(ways_card("it is gone"))

    assert text.splitlines()[0] == "● Google Drive  [the sign-in does not work]"
    assert "problem    it is gone" in text
    assert "--client-secrets FILE" in text
    assert "--service-account FILE" in text
    assert "7 days" in text


def test_a_long_link_is_whole_in_a_terminal() -> None:
    """Cut links lead nowhere."""
    url = "https://accounts.google.com/?" + "x" * 1000
    card = LinkCard("sign in", "waiting", "", [("open", Link(url)), ("then", "Allow")])

    assert repr(card).splitlines()[-1] == url
    assert f'href="{url}"' in card._repr_html_()
