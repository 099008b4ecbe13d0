import io
import random
import threading

import pytest

from colab_magics.emulator import Emulator
from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI


def test_eight_threads_read_the_right_bytes(api: DriveAPI) -> None:
    """One client, many threads: each gets its own answers."""
    contents = [bytes([number]) * (20_000 + number) for number in range(16)]
    nodes = [api.create(f"{n}", api.root_id(), body) for n, body in enumerate(contents)]
    wrong: list[str] = []

    def read(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(30):
            number = chance.randrange(16)
            target = io.BytesIO()
            try:
                name = api.get(nodes[number].id).name
                api.download(nodes[number].id, target)
            except Exception as exc:
                wrong.append(repr(exc))
                return
            if name != str(number) or target.getvalue() != contents[number]:
                wrong.append(f"{number}: {name}, {target.getvalue()[:4]!r}")

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert wrong == []
    assert not any(thread.is_alive() for thread in threads)


def test_a_proxy_does_not_stand_before_this_machine(
    drive: Emulator, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the environment says of proxies is about other machines."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    api = DriveAPI(url=drive.url, settings=settings)
    made = api.create("a", api.root_id(), b"x")

    assert api.get(made.id) == made
    api.close()


def test_a_redirect_is_not_followed(api: DriveAPI, drive: Emulator) -> None:
    """A token goes to Drive only; another host is no Drive."""
    from colab_magics.errors import DriveUnreachable

    made = api.create("a", api.root_id(), b"x")
    drive.faults.add(method="GET", status=302)

    with pytest.raises(DriveUnreachable, match="the answer is not Drive's"):
        api.get(made.id)
    with pytest.raises(DriveUnreachable, match="the answer is not Drive's"):
        api.download(made.id, io.BytesIO(), start=0, end=1)
