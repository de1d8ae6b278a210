"""Which files are photos, decided by their first bytes and not by their names."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import SourceError, os_reason
from ..files import open_regular
from ..log import log

PHOTO_ENDINGS = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".avif", ".heic", ".heif"),
    *(".gif", ".tif", ".tiff", ".ppm", ".pgm"),
}
# TIFF inside, but the picture that Pillow finds in them is a thumbnail.
RAW_ENDINGS = {".arw", ".cr2", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".srw"}
# What Windows and NAS systems leave in folders of photos; macOS's files begin with a dot.
LITTER = {
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"),
    *("__macosx", "@eadir", "#recycle", "@recycle"),
}
HEAD = 64  # bytes that decide
JPEG2000 = "JPEG 2000"  # recognized in order to be named; it is not decoded

_BEGINNINGS = (
    ("JPEG", rb"\xff\xd8\xff"),
    ("PNG", rb"\x89PNG\r\n\x1a\n"),
    ("GIF", rb"GIF8[79]a"),
    ("BMP", rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"),
    ("TIFF", rb"II\*\0|MM\0\*|II\+\0|MM\0\+"),
    ("WEBP", rb"RIFF.{4}WEBP"),
    ("AVIF", rb".{4}ftypavi[fs]"),
    ("HEIF", rb".{4}ftyp(hei[cmsx]|hev[cmsx]|mif[12]|msf1)"),
    ("PPM", rb"P[1-6][\s#]"),
    (JPEG2000, rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
)
_VIDEO = re.compile(rb".{4}ftyp|RIFF.{4}AVI |\x1a\x45\xdf\xa3", re.DOTALL)
_FORMATS = [(name, re.compile(begin, re.DOTALL)) for name, begin in _BEGINNINGS]


def photo_format(head: bytes) -> str:
    """Return the format of a photo that begins with `head`, such as "JPEG"; "" of other files."""
    found = next((name for name, begin in _FORMATS if begin.match(head)), "")
    # AVIF files may begin with HEIF's common brand and name their own among the compatible ones.
    return "AVIF" if found == "HEIF" and b"avif" in head[16:] else found


def is_video(head: bytes) -> bool:
    """Whether a file that begins with `head` is a film, whatever its name: MP4, AVI, Matroska."""
    return not photo_format(head) and bool(_VIDEO.match(head))


def is_photo(path: Path) -> bool:
    """Whether a file's content is a photo's; raises OSError where it cannot be read."""
    if path.suffix.lower() in RAW_ENDINGS:
        return False
    with open_regular(path) as file:
        return bool(photo_format(file.read(HEAD)))


def is_litter(name: str) -> bool:
    """Whether a file or folder is hidden, or is one that other systems leave in folders."""
    return name.startswith(".") or name.lower() in LITTER


def may_be_photo(path: Path) -> bool:
    """Whether a file has a photo's ending, whatever it holds, or a photo's content."""
    if path.suffix.lower() in PHOTO_ENDINGS:
        return True
    try:
        return is_photo(path)
    except OSError:
        return False


def require_photos(name: str) -> Path:
    """Return the path of a photo or a folder; SourceError for others: a pipe may never answer."""
    path = Path(name)
    if name == "-":
        raise SourceError("- is no photo here", "--camera - for a photo in stdin")
    if not name or not (path.is_file() or path.is_dir()):
        raise SourceError(f"no photo {name or repr(name)}", "the path of a photo, or of a folder")
    return path


def photos_in(folder: Path, recursive: bool) -> list[Path]:
    """Return a folder's photos in the order of their names; raises OSError.

    Files with a photo's ending belong to them, whatever they hold. Left out are hidden files, what
    other systems leave in folders, and everything that is not a regular file.
    """
    return sorted(path for path in _files(folder, recursive) if may_be_photo(path))


def _files(folder: Path, recursive: bool) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_litter(entry.name):
                continue
            path = folder / entry.name
            if entry.is_dir(follow_symlinks=False):
                if recursive:
                    yield from _subfolder(path)
            elif path.is_file():
                yield path


def _subfolder(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder's subfolder; one that cannot be read is named in the log."""
    try:
        yield from _files(folder, recursive=True)
    except OSError as error:
        log.info(f"skipped: cannot read the folder {folder}: {os_reason(error)}")
