"""Read .npy and .npz files: a corrupt or hostile one is one line, and runs no code."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from device.errors import os_reason
from device.files import open_regular
from train.data.split import DataError

MAX_BYTES = 8_000_000_000  # of a member once unpacked; CelebA's embeddings take 0.1 GB


def read_array(path: Path, hint: str) -> np.ndarray:
    """Return the array of a .npy file; DataError, with `hint`, if it cannot be read."""
    try:
        with open_regular(path) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:  # of zip, zlib and the parser of the header
        raise DataError(f"cannot read {path}: {os_reason(error)}", hint) from error


def read_arrays(path: Path, names: Sequence[str], hint: str) -> tuple[np.ndarray, ...]:
    """Return the named arrays of an .npz file; DataError, with `hint`, if it cannot be read."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            large = [member for member in archive.infolist() if member.file_size > MAX_BYTES]
            if large:
                raise ValueError(f"{large[0].filename} has more than {MAX_BYTES // 10**9} GB")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return tuple(arrays[name] for name in names)
    except Exception as error:  # of zip, zlib and the parser of the header
        raise DataError(f"cannot read {path}: {os_reason(error)}", hint) from error
