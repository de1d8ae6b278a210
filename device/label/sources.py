"""List the photos, videos and tars of a source: a folder, pattern, list, file or address.

A name is an absolute path or an address, so that it says by itself where the file is.
"""

import glob
import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path, PurePosixPath

from ..camera.photo_files import PHOTO_ENDINGS, is_litter, may_be_photo
from ..errors import SourceError, os_reason
from ..files import file_name, read_file
from ..log import log
from ..text import named_folder
from .storage import EXTRAS, access_error, filesystem, is_url

VIDEO_ENDINGS = {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mjpeg"}
TAR_ENDINGS = {".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz"}
LIST_ENDINGS = {".txt", ".lst", ".list"}
MAX_LIST = 2_000_000_000  # bytes
SOURCES = "a folder, a 'pattern*', a list .txt, a photo, video or .tar, or s3://bucket/folder"


class Kind(StrEnum):
    """What one input is."""

    PHOTO = "photo"
    VIDEO = "video"
    TAR = "tar"


def kind_of(name: str) -> Kind:
    """Return what a name's ending says; a photo if it says nothing."""
    path = PurePosixPath(name.lower())
    if path.suffix in TAR_ENDINGS or "".join(path.suffixes[-2:]) in TAR_ENDINGS:
        return Kind.TAR
    return Kind.VIDEO if path.suffix in VIDEO_ENDINGS else Kind.PHOTO


def list_inputs(source: str) -> list[str]:
    """Return the names of a source's photos, videos and tars, each once, in order.

    Raises SourceError if there are none or they cannot be listed, UsageError for an address whose
    package is missing.
    """
    names = list(dict.fromkeys(_listed(source))) if source else []
    if not names:
        where = named_folder(source) if source else repr(source)
        raise SourceError(f"no photo, video or tar in {where}", SOURCES)
    return names


def _listed(source: str) -> Iterator[str]:
    if is_url(source):
        return _of_store(source)
    path = Path(source)
    try:
        if path.is_dir():
            return iter(sorted(_of_folder(path.absolute())))
        if path.is_file():
            is_list = path.suffix.lower() in LIST_ENDINGS
            return _of_list(path) if is_list else iter([file_name(path.absolute())])
        if glob.has_magic(source):
            return iter(sorted(_of_pattern(source)))
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot read {source}: {os_reason(error)}", SOURCES) from error
    raise SourceError(f"no {source}", SOURCES)


def _of_folder(folder: Path) -> Iterator[str]:
    """Yield a folder's files and those of its subfolders; links to folders are not followed."""
    for where, folders, files in os.walk(folder, onerror=_skipped):
        folders[:] = [name for name in folders if not is_litter(name)]
        for name in files:
            path = Path(where, name)
            if not is_litter(name) and path.is_file() and _is_input(path):
                yield file_name(path)


def _skipped(error: OSError) -> None:
    log.info(f"skipped: cannot read the folder {error.filename}: {os_reason(error)}")


def _of_pattern(pattern: str) -> Iterator[str]:
    for found in glob.iglob(pattern, recursive=True):
        path = Path(found).absolute()
        if path.is_dir():
            continue
        if not is_litter(path.name) and path.is_file() and _is_input(path):
            yield file_name(path)


def _is_input(path: Path) -> bool:
    return kind_of(path.name) != Kind.PHOTO or may_be_photo(path)


def _of_list(path: Path) -> Iterator[str]:
    """Yield a list's lines: addresses, or paths relative to the list; whatever they name."""
    folder = path.absolute().parent
    text = read_file(path, MAX_LIST).decode("utf-8-sig", "surrogateescape")
    for line in text.splitlines():
        if name := line.strip():
            yield name if is_url(name) else file_name(folder / name)


def _of_store(url: str) -> Iterator[str]:
    """Yield the addresses of the objects below a prefix, or of those that fit a pattern."""
    system, path = filesystem(url)
    try:
        found = system.glob(path) if glob.has_magic(path) else _below(system, path)
    except SourceError:
        raise
    except Exception as error:  # each store's client raises its own
        raise access_error(url, error) from error
    for name in sorted(found):
        litter = any(map(is_litter, PurePosixPath(name).parts))
        if not litter and (kind_of(name) != Kind.PHOTO or _ending(name) in PHOTO_ENDINGS):
            yield _address(url, str(system.unstrip_protocol(name)))


def _address(url: str, found: str) -> str:
    """Return the address of what was found, of the same kind as the one that was given.

    A store's client has one for all: abfs:// for az:// too, and a photo would have two names.
    """
    kind, _, rest = found.partition("://")
    given = url.partition("://")[0]
    if EXTRAS.get(given) == EXTRAS.get(kind, ""):
        kind = given
    return rest if kind == "file" else f"{kind}://{rest}"


def _below(system, path: str) -> list[str]:
    # A find of something that is missing gives nothing, in every store.
    found: list[str] = system.find(path)
    if not found:
        system.ls(path)  # raises what is wrong with it
    return found


def _ending(name: str) -> str:
    return PurePosixPath(name.lower()).suffix
