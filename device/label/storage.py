"""Files of this computer by their path, and of object stores by their address, through fsspec.

s3:// needs s3fs, gs:// gcsfs, az:// adlfs; each finds its credentials as its maker's tools do.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from ..errors import FacetError, SourceError, UsageError, one_line, os_reason
from ..files import open_regular
from ..resources import install_hint

MAX_PHOTO = 200_000_000  # bytes; larger objects are no photos
BLOCK = 8_000_000  # bytes of one request while a tar or a video is read
# The group of requirements of each kind of address.
EXTRAS = {"s3": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az"}
# What stays as it is when it is asked again: a row of the table says so.
LASTING = (FileNotFoundError, PermissionError, IsADirectoryError)
# What to check if access is denied, by that group.
CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID or `aws configure`",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS or `gcloud auth application-default login`",
    "az": "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME and _ACCOUNT_KEY",
}
_URL = re.compile(r"([a-z][a-z0-9+.-]+)(://|::)")


def is_url(name: str) -> bool:
    """Whether a name is an address such as s3://bucket/key, not a path."""
    return bool(_URL.match(name))


def filesystem(url: str) -> tuple[Any, str]:
    """Return fsspec's file system of an address, and the path in it.

    Raises UsageError if its package is missing or the address is of no known kind.
    """
    try:
        import fsspec
    except ImportError:
        raise UsageError(f"{url} needs the package fsspec", install_hint("label")) from None
    for client in ("gcsfs", "azure"):  # they would print each attempt that fails, with a traceback
        logging.getLogger(client).addHandler(logging.NullHandler())
    try:
        system, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        extra = EXTRAS.get(url.partition(":")[0])
        hint = install_hint(extra) if extra else "s3://, gs:// or az://"
        raise UsageError(f"{url} cannot be opened: {one_line(error)}", hint) from error
    except ValueError as error:
        if "redential" in str(error):
            raise access_error(url, error) from error
        raise UsageError(
            f"{url} is no address of a known kind: {one_line(error)}", "s3://, gs:// or az://"
        ) from error
    return system, path


def access_error(name: str, error: Exception) -> SourceError:
    """Return the error of a store that cannot be asked, with what to check."""
    if isinstance(error, FileNotFoundError):
        return SourceError(f"{name} does not exist", "the name of a bucket and folder that does")
    if is_denied(error) or "redential" in str(error) or _status(error) == 401:
        tools = CREDENTIALS[EXTRAS.get(name.partition(":")[0], "s3")]
        return SourceError(
            f"{name}: access denied", f"credentials that may list and read it, such as {tools}"
        )
    hint = "check the network; the same command goes on"
    if isinstance(error, ValueError):  # of a name, before anything is asked
        hint = "an address such as s3://bucket/folder"
    return SourceError(f"{name} cannot be read: {os_reason(error)}", hint)


def is_denied(error: Exception) -> bool:
    """Whether a store has refused access; each store's client says so in its own way."""
    forbidden = isinstance(error, OSError) and str(error).startswith("Forbidden: ")  # gcsfs
    return forbidden or isinstance(error, PermissionError) or _status(error) == 403


def _status(error: Exception) -> int | None:
    """Return the HTTP status that a store's client gives with an error, if it does."""
    for name in ("status_code", "code"):  # of azure-core, of gcsfs
        if isinstance(status := getattr(error, name, None), int):
            return status
    return None


def read_photo_bytes(url: str) -> bytes:
    """Return an object's content, of one request.

    Raises one of LASTING or ValueError for what stays as it is, FacetError for the rest.
    """
    system, path = filesystem(url)
    with _passing(url):
        # Not with a range of bytes: stores refuse one of an empty object.
        content: bytes = system.cat_file(path)
    if len(content) > MAX_PHOTO:
        raise ValueError(f"it has more than {MAX_PHOTO // 1_000_000} MB")
    return content


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """Open a path or an address for reading from begin to end; raises as `read_photo_bytes`."""
    if not is_url(name):
        with open_regular(name) as file:
            yield file
        return
    system, path = filesystem(name)
    with _passing(name):
        stream = system.open(path, "rb", block_size=BLOCK, cache_type="readahead")
    with stream:
        yield stream


@contextmanager
def local_copy(name: str) -> Iterator[Path]:
    """Give the path of a file, or of a temporary copy of an object; raises likewise."""
    if not is_url(name):
        open_regular(name).close()  # the video's decoder would wait for a pipe's writer
        yield Path(name)
        return
    system, path = filesystem(name)
    with TemporaryDirectory(prefix="facet-") as folder:
        copy = Path(folder) / Path(path).name
        with _passing(name):
            system.get_file(path, str(copy))
        yield copy


@contextmanager
def _passing(url: str) -> Iterator[None]:
    """Turn what may go away by itself, such as a network that is down, into a FacetError."""
    try:
        yield
    except (*LASTING, FacetError):
        raise
    except Exception as error:  # each store's client raises its own
        if is_denied(error):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), url) from error
        raise FacetError(
            f"cannot read {url}: {os_reason(error)}", "check the network; the same command goes on"
        ) from error
