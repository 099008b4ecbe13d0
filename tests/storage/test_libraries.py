"""The libraries that people use, unmodified, on ``gdrive://``."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest

from colab_magics.emulator import Emulator
from colab_magics.settings import Settings
from colab_magics.storage.filesystem import DriveFileSystem
from colab_magics.storage.mount import attach


@pytest.fixture
def gdrive(drive: Emulator) -> Iterator[DriveFileSystem]:
    """What ``gdrive://`` means, after ``%drive_mount emulator``."""
    place = attach("emulator", settings=Settings(), open_emulator=lambda: (drive.url, lambda: None))
    assert isinstance(place.fs, DriveFileSystem)
    yield place.fs
    place.close()


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"x": range(1000), "y": np.linspace(0, 1, 1000), "z": list("abcde") * 200})


def test_pandas(gdrive: DriveFileSystem, frame: pd.DataFrame) -> None:
    """Tables as text, compressed, as Parquet, as pickle and as JSON lines."""
    frame.to_csv("gdrive://out/a.csv", index=False)
    frame.to_csv("gdrive://out/a.csv.gz", index=False)
    frame.to_parquet("gdrive://out/a.parquet")
    frame.to_pickle("gdrive://out/a.pkl")
    frame.to_json("gdrive://out/a.jsonl", orient="records", lines=True)

    for name, read in {
        "a.csv": pd.read_csv,
        "a.csv.gz": pd.read_csv,
        "a.parquet": pd.read_parquet,
        "a.pkl": pd.read_pickle,
    }.items():
        pd.testing.assert_frame_equal(read(f"gdrive://out/{name}"), frame, check_exact=False)
    lines = pd.read_json("gdrive://out/a.jsonl", lines=True)
    assert lines["x"].tolist() == frame["x"].tolist()
    assert gdrive.ls("out", detail=False) == [
        f"out/a.{ending}" for ending in ("csv", "csv.gz", "jsonl", "parquet", "pkl")
    ]


def test_a_part_of_a_parquet_file_costs_a_part(
    gdrive: DriveFileSystem, drive: Emulator, frame: pd.DataFrame
) -> None:
    """One column of many is read by ranges, not all of the file."""
    wide = pd.DataFrame({str(n): np.random.default_rng(n).random(20_000) for n in range(40)})
    wide.to_parquet("gdrive://wide.parquet", row_group_size=2000)
    options = {"block_size": 100_000, "cache_type": "readahead"}
    sent = []
    with gdrive.open("wide.parquet", **options) as file:
        fetch = file.cache.fetcher
        file.cache.fetcher = lambda start, end: sent.append(end - start) or fetch(start, end)
        one = pd.read_parquet(file, columns=["7"])

    assert one["7"].tolist() == wide["7"].tolist()
    assert sum(sent) < gdrive.info("wide.parquet")["size"] * 0.7


def test_pyarrow_dataset(gdrive: DriveFileSystem, frame: pd.DataFrame) -> None:
    """A folder of Parquet files by partition, written, listed and read with a filter."""
    pa = pytest.importorskip("pyarrow")
    ds = pytest.importorskip("pyarrow.dataset")
    pafs = pytest.importorskip("pyarrow.fs")
    files = pafs.PyFileSystem(pafs.FSSpecHandler(gdrive))
    ds.write_dataset(
        pa.Table.from_pandas(frame),
        "data/set",
        filesystem=files,
        format="parquet",
        partitioning=ds.partitioning(pa.schema([("z", pa.string())]), flavor="hive"),
    )
    for source in (
        ds.dataset("data/set", filesystem=files, partitioning="hive"),
        ds.dataset("data/set", filesystem=gdrive, partitioning="hive"),
        ds.dataset("fsspec+gdrive://data/set", partitioning="hive"),
    ):
        found = source.to_table(filter=ds.field("z") == "c", columns=["x"])
        assert found["x"].to_pylist() == frame[frame["z"] == "c"]["x"].tolist()
    assert gdrive.ls("data/set", detail=False) == [f"data/set/z={one}" for one in "abcde"]


def test_xarray_and_zarr(gdrive: DriveFileSystem) -> None:
    """A store is written, read, appended to, and read again by who knew it before."""
    xr = pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    first = xr.Dataset({"t": (("time", "x"), np.arange(60.0).reshape(6, 10))}, {"time": range(6)})
    first.to_zarr("gdrive://cube.zarr", mode="w", consolidated=False)
    with xr.open_zarr("gdrive://cube.zarr", consolidated=False) as found:
        xr.testing.assert_equal(found.load(), first)
    second = first.assign_coords(time=range(6, 12))
    second.to_zarr("gdrive://cube.zarr", append_dim="time", consolidated=False)
    with xr.open_zarr("gdrive://cube.zarr", consolidated=False) as found:
        assert found["t"].shape == (12, 10)
        np.testing.assert_array_equal(found["t"][6:], first["t"])


def test_torch(gdrive: DriveFileSystem) -> None:
    """A state is saved and loaded, and a save that fails leaves the old one."""
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(8, 4)
    with fsspec.open("gdrive://model.pt", "wb") as file:
        torch.save(model.state_dict(), file)
    with gdrive.open("model.pt") as file:
        found = torch.load(file, weights_only=True)

    assert all(torch.equal(found[name], value) for name, value in model.state_dict().items())


def test_numpy(gdrive: DriveFileSystem) -> None:
    """Arrays, one and many."""
    array = np.arange(10_000).reshape(100, 100)
    with gdrive.open("a.npy", "wb") as file:
        np.save(file, array)
    with gdrive.open("b.npz", "wb") as file:
        np.savez_compressed(file, a=array, b=array.T)
    with gdrive.open("a.npy") as file:
        np.testing.assert_array_equal(np.load(file), array)
    with gdrive.open("b.npz") as file, np.load(file) as found:
        np.testing.assert_array_equal(found["b"], array.T)


def test_a_block_that_raises_publishes_nothing(gdrive: DriveFileSystem) -> None:
    """Also with fsspec.open, in text, compressed, and as pandas uses it."""
    gdrive.pipe_file("a.txt", b"old")

    def fail(**options: object) -> None:
        with fsspec.open("gdrive://a.txt", **options) as file:
            file.write("half" if "t" in str(options["mode"]) else b"half")
            raise ZeroDivisionError

    for options in (
        {"mode": "wb"},
        {"mode": "wt"},
        {"mode": "wb", "compression": "gzip"},
    ):
        with pytest.raises(ZeroDivisionError):
            fail(**options)
    assert gdrive.cat_file("a.txt") == b"old"
    assert gdrive.ls("", detail=False) == ["a.txt"]

    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        with fsspec.open("gdrive://a.txt", "wb") as file:  # an error outside is none of it
            file.write(b"new")
    assert gdrive.cat_file("a.txt") == b"new"


def test_gdrive_means_the_attached_drive(drive: Emulator, tmp_path: Path) -> None:
    """Until it is closed; the last one that was attached; and in another process as well."""
    with Emulator(tmp_path / "other") as second:
        one = attach(drive.url, settings=Settings(), open_emulator=lambda: ("", lambda: None))
        one.fs.pipe_file("which", b"first")
        two = attach(second.url, settings=Settings(), open_emulator=lambda: ("", lambda: None))
        two.fs.pipe_file("which", b"second")

        fs = fsspec.filesystem("gdrive")
        assert fs.cat_file("which") == b"second"
        assert fs.lookup is two.fs.lookup
        there = pickle.loads(pickle.dumps(fs))
        assert there.api is not fs.api
        two.close()
        assert fsspec.filesystem("gdrive").cat_file("which") == b"first"
        assert there.cat_file("which") == b"second"
        there.api.close()
        one.close()
    assert DriveFileSystem.attached_one() is None
