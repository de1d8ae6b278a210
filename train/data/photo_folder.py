"""Find the photos of a folder and its subfolders, and the photo that a table names."""

import os
import posixpath
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from device.camera.photo_files import PHOTO_ENDINGS, RAW_ENDINGS, is_litter, may_be_photo
from device.errors import os_reason
from train.data.split import DataError

# Pictures that Facet does not read; to be named, because a class may consist of them.
UNREAD_ENDINGS = RAW_ENDINGS | {
    *(".cr3", ".crw", ".raw", ".rwl", ".x3f", ".3fr", ".jp2", ".j2k", ".jxl", ".psd", ".psb"),
    *(".xcf", ".tga", ".svg", ".eps", ".ico", ".icns", ".dcm", ".exr", ".hdr", ".mov", ".mp4"),
}


@dataclass(frozen=True)
class PhotoFolder:
    """What a folder and its subfolders hold; names are relative to `root`, as on the disk."""

    root: Path
    photos: tuple[str, ...]  # sorted
    folders: tuple[str, ...]
    unread: tuple[str, ...]  # pictures of formats that Facet does not read


def nfc(text: str) -> str:
    """Return a text in Unicode's composed form: macOS writes an accent as a letter of its own."""
    return unicodedata.normalize("NFC", text)


def spelling_key(name: str) -> str:
    """Return what the spellings of one name have in common: "No smile" and "no_smile"."""
    return re.sub(r"[\s_-]+", "_", nfc(name).strip().casefold())


def read_folder(root: Path) -> PhotoFolder:
    """Return the photos of a folder and its subfolders, those behind links too.

    Leaves out hidden files and what other systems leave in folders. Raises DataError if the folder
    or a subfolder cannot be read.
    """
    if not root.is_dir():
        what = f"{root} is a file, not a folder" if root.exists() else f"no folder {root}"
        raise DataError(what, "the path of a folder of photos")
    photos, folders, unread = [], [], []
    for folder, names in _walk(root):
        relative = PurePosixPath(folder.relative_to(root))
        folders.append(str(relative))
        for path, name in ((folder / name, str(relative / name)) for name in names):
            if path.suffix.lower() in UNREAD_ENDINGS:
                unread.append(name)
            elif (path.is_file() or path.is_symlink()) and may_be_photo(path):
                photos.append(name)
    return PhotoFolder(root, tuple(sorted(photos)), tuple(folders), tuple(sorted(unread)))


def _walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder, and its files' names; a folder that several links lead to once."""
    seen = set()
    for place, folders, files in os.walk(root, onerror=_refuse, followlinks=True):
        status = os.stat(place)
        known = (status.st_dev, status.st_ino) in seen
        seen.add((status.st_dev, status.st_ino))
        folders[:] = [] if known else sorted(name for name in folders if not is_litter(name))
        if not known:
            yield Path(place), [name for name in sorted(files) if not is_litter(name)]


def _refuse(error: OSError) -> None:
    raise DataError(
        f"cannot read the folder {error.filename}: {os_reason(error)}", "another --data"
    ) from error


def endings(files: Iterable[str]) -> str:
    """Return the number of files of each ending: "40 .cr3, 2 .psd"."""
    counts = Counter(PurePosixPath(file).suffix.lower() for file in files)
    return ", ".join(f"{count} {ending}" for ending, count in counts.most_common())


class PhotoNames:
    """The photos of a folder, by the names that a table may give them.

    Unicode form, capitals, kind of slash and the folders that lead to the root do not count; at
    last a file's own name is enough, also with another ending or none.
    """

    def __init__(self, folder: PhotoFolder):
        self._exact = {nfc(photo): photo for photo in folder.photos}
        self._paths: dict[str, list[str]] = defaultdict(list)
        self._names: dict[str, list[str]] = defaultdict(list)
        self._stems: dict[str, list[str]] = defaultdict(list)
        for photo in folder.photos:
            key = _key(photo)
            name = key.rpartition("/")[2]
            self._paths[key].append(photo)
            self._names[name].append(photo)
            self._stems[_without_ending(name)].append(photo)

    def exact(self, name: str) -> str | None:
        """Return the photo whose name relative to the folder is `name`."""
        return self._exact.get(nfc(name)) or self._exact.get(
            posixpath.normpath(nfc(name).replace("\\", "/"))
        )

    def nearest(self, name: str) -> str | None:
        """Return the one photo that `name` may mean; None for none or several."""
        photos = self.candidates(name)
        return photos[0] if len(photos) == 1 else None

    def candidates(self, name: str) -> list[str]:
        """Return the photos that `name` may mean, [] for none."""
        parts = [part for part in re.split(r"[/\\]+", _key(name)) if part not in ("", ".")]
        if not parts:
            return []
        tails = (self._paths.get("/".join(parts[start:])) for start in range(len(parts)))
        by_name = (self._names.get(parts[-1]), self._stems.get(_without_ending(parts[-1])))
        return next((photos for photos in (*tails, *by_name) if photos), [])


def _key(name: str) -> str:
    return nfc(name).strip().casefold()


def without_endings(name: str) -> str:
    """Return a photo's name in lower case and without its endings, as of IMG_1.HEIC.jpg."""
    shorter = _without_ending(_key(name))
    return shorter if _without_ending(shorter) == shorter else without_endings(shorter)


def _without_ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return stem if dot + ending in PHOTO_ENDINGS else name
