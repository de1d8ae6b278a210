"""Any bytes in a file of labels, figures or arrays: a value or one line with its exit code."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.errors import FacetError, UsageError
from train.data.arrays import read_array, read_arrays
from train.data.celeba import _read_labels, _read_partition
from train.data.split import DataError
from train.data.tables import read_columns, read_table
from train.report.run import read_history
from train.training.recipe import read_recipe
from train.training.run_dir import read_record

HINT = "the hint"


def packed(**arrays) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


def plain(array) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


def record(path: Path) -> None:
    run = path.parent / "run"
    run.mkdir(exist_ok=True)
    (run / "settings.json").unlink(missing_ok=True)
    (run / "settings.json").symlink_to(path)
    read_record(run)


def recipe(path: Path) -> None:
    read_recipe(str(path))


# reader, what it accepts, the suffix of its file
READERS: dict[str, tuple[Callable[[Path], object], bytes, str]] = {
    "rows": (lambda path: list(read_table(path, HINT).rows), b"file,Smiling\na.jpg,1\n", ".csv"),
    "columns": (
        lambda path: read_columns(path, {"file": str, "age": int}, HINT),
        b"age,file\n30,a.jpg\n",
        ".csv",
    ),
    "attributes": (_read_labels, b"1\nBald Male\na.jpg 1 -1\n", ".txt"),
    "partition": (_read_partition, b"a.jpg 0\nb.jpg 2\n", ".txt"),
    "array": (lambda path: read_array(path, HINT), plain(np.zeros((2, 3))), ".npy"),
    "arrays": (lambda path: read_arrays(path, ("a",), HINT), packed(a=np.ones(3)), ".npz"),
    "history": (read_history, b"epoch,loss\n1,0.5\n", ".csv"),
    "record": (record, b'{"settings": {"seed": 1}}', ".json"),
    "recipe": (recipe, b"epochs = 1\n[augmentation]\nflip = 0.5\n", ".toml"),
}
ODD = [
    b"",
    b"\0" * 100,
    b"\xff\xfea\0",
    b"na\xefve,1\n",
    b'"' + b"a" * 200_000,
    b"a,b\n1\n",
    b"file,age\n\xe2\x80\xae,\xd9\xa3\n",
    b"[" * 100_000,
    b"x = " + b"[" * 100_000,
    b'{"settings": ' + b"9" * 5000 + b"}",
    b'{"settings": [1, 2]}',
    b"\n\n\n",
    plain(np.array([{"a": 1}], dtype=object)),
    b"\x93NUMPY\x01\x00" + (10_000).to_bytes(2, "little") + b"(" * 10_000,
    b"\x93NUMPY\x01\x00v\x00"
    + b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,), }".ljust(117)
    + b"\n",
    pickle.dumps(print),
]


def attempt(name: str, path: Path) -> None:
    try:
        READERS[name][0](path)
    except FacetError as error:
        assert isinstance(error, DataError | UsageError) and error.hint
        assert "\n" not in str(error) and len(str(error)) < 2100


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / f"odd{READERS[name][2]}"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", READERS)
def test_what_a_reader_accepts(tmp_path, name):
    READERS[name][0](written(tmp_path, name, READERS[name][1]))


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("number", range(len(ODD)))
def test_odd_files(tmp_path, name, number):
    attempt(name, written(tmp_path, name, ODD[number]))


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "dangling", "loop"])
def test_what_is_no_file_does_not_hang(tmp_path, name, kind):
    path = tmp_path / f"odd{READERS[name][2]}"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "dangling":
            path.symlink_to("nowhere")
        case "loop":
            path.symlink_to(path.name)
    attempt(name, path)


@settings(max_examples=40, deadline=None)
@given(
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 20), st.binary(max_size=6)),
        min_size=1,
        max_size=3,
    )
)
@pytest.mark.parametrize("name", READERS)
def test_damaged_files(tmp_path_factory, name, edits):
    content = READERS[name][1]
    for place, removed, piece in edits:
        at = int(place * len(content))
        content = content[:at] + piece + content[at + removed :]
    folder = tmp_path_factory.getbasetemp() / name
    folder.mkdir(exist_ok=True)
    attempt(name, written(folder, name, content))


def test_an_archive_that_unpacks_to_gigabytes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("train.data.arrays.MAX_BYTES", 1000)
    path = written(tmp_path, "arrays", packed(a=np.zeros(1000)))
    with pytest.raises(DataError, match=r"a.npy has more than 0 GB"):
        read_arrays(path, ("a",), HINT)


def test_an_archive_without_the_array(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("note.txt", "no array")
    with pytest.raises(DataError, match=r"cannot read .*a.npz"):
        read_arrays(path, ("a",), HINT)


def test_the_line_of_a_wrong_value_is_named(tmp_path):
    path = written(tmp_path, "columns", b"file,age\na.jpg,30\nb.jpg,old\n")
    with pytest.raises(DataError, match=r"odd.csv, line 3: expected file,age. Try: correct"):
        read_columns(path, {"file": str, "age": int}, HINT)
