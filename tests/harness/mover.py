"""A process that moves one file, to be killed: `python mover.py fetch|send URL PLACE FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

from colab_magics.settings import Settings
from colab_magics.storage.api import DriveAPI
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.place import Place
from colab_magics.storage.transfers.transfer import fetch, send


def main(what: str, url: str, path: str, file: str) -> None:
    api = DriveAPI(url=url, settings=Settings.load())
    place = Place(path, DriveFileSystem(api=api, skip_instance_cache=True), path, None)
    print("ready", flush=True)
    receipt = fetch(place, Path(file)) if what == "fetch" else send(Path(file), place)
    print(receipt.id, receipt.md5, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
