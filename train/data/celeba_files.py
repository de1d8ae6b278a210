"""Find CelebA's tables and photos in a folder, in the layouts in which people have them.

Official: Anno/list_attr_celeba.txt, Eval/list_eval_partition.txt and Img/img_align_celeba/, or all
in one folder. Kaggle: list_attr_celeba.csv, list_eval_partition.csv and
img_align_celeba/img_align_celeba/.
"""

import os
import shlex
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from device.camera.image_io import PHOTO_ENDINGS
from device.log import log
from train.data.split import DataError

LABELS, PARTITION = "list_attr_celeba", "list_eval_partition"
IDENTITIES = "identity_CelebA"
PHOTOS, WHOLE_PHOTOS = "img_align_celeba", "img_celeba"
TABLE_ENDINGS = (".txt", ".csv", ".tsv")  # the first is preferred
PACKED = {".zip": "python -m zipfile -e {} {}", ".7z": "7z x {} -o{}", ".001": "7z x {} -o{}"}
PACKED |= dict.fromkeys((".tar", ".tgz", ".gz"), "tar -xf {} -C {}")
TABLE_FOLDERS = ("anno", "eval")  # of the official layout
LEVELS_ABOVE = 3  # Img/img_align_celeba_png/ is two below, in a folder of its own name three
FOLDER_HINT = "--data FOLDER with CelebA"


@dataclass(frozen=True)
class CelebaFiles:
    """Where CelebA's parts are."""

    labels: Path
    partition: Path | None
    photos: Path


def find_celeba(root: Path, photos: str = PHOTOS) -> CelebaFiles:
    """Return the tables and the folder of photos, in `root` or in a folder of it.

    The partition may be None: the labels may have a column of splits. photos: PHOTOS or
    WHOLE_PHOTOS. Raises DataError for what is missing; its message or hint names
    the nearest there is.
    """
    if not root.is_dir():
        what = f"{root} is a file" if root.is_file() else f"no folder {root}"
        raise DataError(what, _data_flag(root.parent) if root.is_file() else FOLDER_HINT)
    labels = find_table(root, LABELS)
    return CelebaFiles(labels, optional_table(root, PARTITION), find_photos(root, photos))


def is_celeba(root: Path) -> bool:
    """Return whether a folder has CelebA's labels, or its photos, packed or not."""
    named = (path for place in _places(root) for path in _entries(place, PHOTOS))
    return bool(_folder_below(root, LABELS) or next(named, None))


def find_table(root: Path, stem: str) -> Path:
    """Return a table by its name without ending, in any case, in `root` or in a folder of it.

    Raises DataError, whose message or hint names the nearest there is.
    """
    if found := optional_table(root, stem):
        return found
    message = f"no {stem}.txt or {stem}.csv in {root}"
    if folder := _nearest_folder(root, stem):
        raise DataError(f"{message}, but in {folder}", _data_flag(folder))
    for place in _places(root):
        for path in _entries(place, ""):
            if path.suffix.lower() == ".zip" and _holds(path, stem):
                raise DataError(f"{message}: {path.name} is not unpacked", _unpack(path))
            if stem.lower() in path.name.lower() and path.is_file():
                target = path.with_name(stem + path.suffix.lower())
                hint = f"save {path.name} as {stem}.csv"
                if path.suffix.lower() in TABLE_ENDINGS:
                    hint = shlex.join(["mv", str(path), str(target)])
                raise DataError(f"{message}, but {path.name}", hint)
    if table_in(root, "labels"):
        hint = shlex.join(["python", "-m", "train.own_photos", "--photos", str(root)])
        raise DataError(f"{message}, but the labels of own photos", f"{hint} --out ALIGNED")
    raise DataError(message, FOLDER_HINT)


def optional_table(root: Path, stem: str) -> Path | None:
    """Return what `find_table` does, or None."""
    return next(filter(None, (table_in(place, stem) for place in _places(root))), None)


def table_in(folder: Path, stem: str) -> Path | None:
    """Return a table in a folder itself, by its name without ending, in any case; or None."""
    found = {path.name.lower(): path for path in _entries(folder, stem) if path.is_file()}
    paths = (found.get(stem.lower() + ending) for ending in TABLE_ENDINGS)
    return next(filter(None, paths), None)


def _nearest_folder(root: Path, stem: str) -> Path | None:
    """Return the folder above or below `root` that --data could name."""
    for folder in root.resolve().parents[:LEVELS_ABOVE]:
        # In a folder of it only where that is CelebA's own: Img/ has Anno/ beside it.
        places = (folder, *(place for place in visible_folders(folder) if _is_table_folder(place)))
        if any(table_in(place, stem) for place in places):
            return folder
    found = _folder_below(root, stem)
    return found if found != root else None


def _is_table_folder(folder: Path) -> bool:
    return folder.name.lower() in TABLE_FOLDERS


def _folder_below(root: Path, stem: str) -> Path | None:
    folders = (Path(place) for place, _, _ in os.walk(root))
    found = next((folder for folder in folders if table_in(folder, stem)), None)
    return found.parent if found and _is_table_folder(found) else found


def find_photos(root: Path, name: str) -> Path:
    """Return the folder of photos, `name` or as PHOTOS's .png release is called; see `find_celeba`.

    Without such a folder, the only one with photos.
    """
    folders = [folder for place in _places(root) for folder in visible_folders(place)]
    named = sorted((f for f in folders if f.name.lower().startswith(name)), key=_name_length)
    for folder in named:
        # Kaggle nests the folder in one of its own name.
        for candidate in (folder / folder.name, folder):
            if has_photos(candidate):
                return candidate
    whole = [f for f in folders if f.name.lower().startswith(WHOLE_PHOTOS) and has_photos(f)]
    others = [f for f in (root, *folders) if f not in whole and _are_photos(_names(f))]
    if len(others) == 1 and not named:
        log.info(f"no folder {name} in {root}: the photos are those in {others[0]}")
        return others[0]
    if len(others) > 1 and not named:
        raise DataError(
            f"no folder {name} in {root}, but photos in {others[0]} and {others[1]}",
            f"rename the folder of aligned photos to {name}",
        )
    raise _no_photos(root, name, named, whole)


def _no_photos(root: Path, name: str, named: list[Path], whole: list[Path]) -> DataError:
    message = f"no photo in {named[0]}" if named else f"no folder {name} in {root}"
    archives = (
        path for path in root.rglob("*") if path.suffix.lower() in PACKED and path.is_file()
    )
    for path in archives:
        if path.name.lower().startswith(name) or _holds(path, name):
            return DataError(f"{message}: {path.name} is not unpacked", _unpack(path))
    if whole and name == PHOTOS:
        return DataError(f"{message}: {whole[0]} has whole photos", align_command(root))
    if folder := _nearest_folder(root, LABELS):
        return DataError(message, _data_flag(folder))
    return DataError(message, FOLDER_HINT)


def align_command(root: Path) -> str:
    """Return the command that aligns CelebA's whole photos."""
    return f"python -m train.celeba --data {shlex.quote(str(root))} --align ALIGNED"


def has_photos(folder: Path) -> bool:
    """Return whether a folder or one in it has a file that is named as a photo."""
    return any(_are_photos(files) for _, _, files in os.walk(folder))


def _are_photos(names: Iterable[str]) -> bool:
    return any(os.path.splitext(n)[1].lower() in PHOTO_ENDINGS and n[0] != "." for n in names)


def _places(root: Path) -> list[Path]:
    """Return the folder and the folders in it that may hold tables."""
    photos = (PHOTOS, WHOLE_PHOTOS)
    return [root, *(f for f in visible_folders(root) if not f.name.lower().startswith(photos))]


def visible_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder that are not hidden, sorted."""
    return [path for path in _entries(folder, "") if path.is_dir()]


def _entries(folder: Path, start: str) -> list[Path]:
    """Return a folder's visible files and folders whose names begin with `start`, in any case."""
    visible = (name for name in _names(folder) if name[0] != "." and name != "__MACOSX")
    return [folder / name for name in visible if name.lower().startswith(start.lower())]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _name_length(path: Path) -> int:
    return len(path.name)


def _holds(archive: Path, stem: str) -> bool:
    try:
        with zipfile.ZipFile(archive) as file:
            return any(stem in name for name in file.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _unpack(archive: Path) -> str:
    folder = archive.parent
    if folder.suffix == ".7z":  # the official parts are in a folder of the archive's name
        folder = folder.parent
    paths = (shlex.quote(str(path)) for path in (archive, folder))
    return PACKED[archive.suffix.lower()].format(*paths)


def _data_flag(folder: Path) -> str:
    return f"--data {shlex.quote(str(folder))}"
