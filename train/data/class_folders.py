"""Read the labels of photos in a folder per class, and in a folder per split above those."""

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from device.log import log
from train.data.celeba_files import has_photos, is_celeba, visible_folders
from train.data.own_labels import (
    LABELS,
    OWN_PHOTOS_HELP,
    LabelledPhoto,
    OwnLabels,
    attributes_of,
    label_table,
    one_hot,
    one_spelling,
    shortened,
    split_named,
)
from train.data.photo_folder import PhotoFolder, endings, nfc, spelling_key
from train.data.split import DataError

SPREADSHEETS, ARCHIVES = (".xlsx", ".xls", ".ods"), (".zip", ".7z", ".rar", ".tar", ".tgz", ".gz")
FEWEST_PEOPLE = 10  # from so many folders in the classes' folders on, each holds a person's photos


@dataclass(frozen=True)
class _Place:
    """Where a photo is: the folder of its class, its split, and the folder below, "" for none."""

    folder: str
    split: str
    nested: str


def read_class_folders(folder: PhotoFolder) -> OwnLabels:
    """Return the labels that the names of the folders give.

    Raises DataError for less than two classes, and for folders that may be splits or classes.
    """
    splits = _split_folders(folder)
    inside: dict[str, tuple[str, ...]] = {}
    skipped = {}
    for file in folder.photos:
        parts = PurePosixPath(file).parts
        if splits and parts[0] not in splits:
            skipped[file] = f"has no label: it is not in {' or '.join(sorted(splits))}"
        elif len(parts) < (3 if splits else 2):
            skipped[file] = "has no label: it is beside the folders of classes"
        else:
            inside[file] = parts
    places = _places(inside, splits)
    classes = _classes(folder, [place.folder for place in places.values()], splits)
    _check_splits((classes[place.folder], place.split) for place in places.values())
    attributes = attributes_of(set(classes.values()))
    labels = {name: one_hot(name, attributes) for name in classes.values()}
    people = _people(places.values())
    photos = tuple(
        LabelledPhoto(
            file,
            labels[classes[place.folder]],
            place.split,
            place.nested if place.nested in people else "",
        )
        for file, place in places.items()
    )
    return OwnLabels(folder.root, attributes, photos, skipped)


def _places(inside: Mapping[str, tuple[str, ...]], splits: dict[str, str]) -> dict[str, _Place]:
    """Return the place of each photo, given the parts of its name."""
    # smile/train/1.jpg is as clear as train/smile/1.jpg
    below = not splits and all(len(p) > 2 and split_named(p[1]) for p in inside.values())
    places = {}
    for file, parts in inside.items():
        nested = parts[2 if splits or below else 1 : -1]
        split = split_named(parts[1]) if below else splits.get(parts[0], "")
        places[file] = _Place(parts[1 if splits else 0], split, nested[0] if nested else "")
    return places


def _split_folders(folder: PhotoFolder) -> dict[str, str]:
    """Return {folder: split} of the folders that are splits; {} if the first folders are classes.

    A folder is a split if its name is one's and it has folders with photos.
    """
    children: dict[str, set[str]] = defaultdict(set)
    for file in folder.photos:
        parts = PurePosixPath(file).parts
        if len(parts) > 1:
            children[parts[0]].add(parts[1] if len(parts) > 2 else "")
    named = {name: split_named(name) for name in children if split_named(name)}
    if not any(children[name] - {""} for name in named):
        if len(children) > 1 and len(named) == len(children):
            raise DataError(
                f"{', '.join(sorted(named))} in {folder.root} have no folders of classes",
                OWN_PHOTOS_HELP,
            )
        return {}
    known = {spelling_key(child) for name in named for child in children[name] - {""}}
    for name in children.keys() - named.keys():
        if known & {spelling_key(child) for child in children[name] - {""}}:
            raise DataError(
                f"{folder.root} has the splits {', '.join(sorted(named))}, and {name} with folders "
                "of the same names",
                f"rename {name} to train, val or test, or move it to another place",
            )
    return named


def _classes(folder: PhotoFolder, names: list[str], splits: dict[str, str]) -> dict[str, str]:
    """Return {folder's name: class}; spellings of one name are one class."""
    classes = one_spelling(names)
    for name, spelling in sorted(classes.items()):
        if nfc(name).strip() != spelling:
            log.info(f"the folders {name} and {spelling} are one class: {spelling}")
    empty = _empty_classes(folder, splits)
    if len(set(classes.values())) < 2:
        raise DataError(
            f"{folder.root} has no {LABELS}, and {len(set(classes.values()))} folders with photos, "
            f"need 2 at least{_listed(names, empty)}",
            _hint(folder, names),
        )
    if empty:
        log.info(f"classes without a photo{_listed([], empty)}")
    return classes


def _empty_classes(folder: PhotoFolder, splits: dict[str, str]) -> dict[str, str]:
    """Return {folder of a class without a photo: the pictures in it that Facet does not read}."""
    empty = {}
    depth = 1 if splits else 0  # of the folders of classes
    filled = {"/".join(PurePosixPath(photo).parts[: depth + 1]) for photo in folder.photos}
    for name in folder.folders:
        parts = PurePosixPath(name).parts
        if len(parts) != depth + 1 or (splits and parts[0] not in splits):
            continue
        if name not in filled:
            empty[name] = endings(file for file in folder.unread if file.startswith(name + "/"))
    return empty


def _listed(names: list[str], empty: dict[str, str]) -> str:
    counts = [f"{name} ({count} photos)" for name, count in Counter(names).most_common()]
    counts += [f"{name} ({unread or 'empty'})" for name, unread in empty.items()]
    return f": {shortened(counts)}" if counts else ""


def _hint(folder: PhotoFolder, names: list[str]) -> str:
    """Return what to try with a folder that has less than two classes."""
    for path in sorted(folder.root.iterdir()):
        kind = path.suffix.lower()
        target = shlex.quote(str(folder.root / LABELS))
        if kind in SPREADSHEETS:
            return f"save {path.name} as {LABELS} (CSV in UTF-8)"
        if kind in (".csv", ".tsv"):
            return f"mv {shlex.quote(str(path))} {target}, if it has the labels"
        if kind in ARCHIVES:
            return f"unpack {path.name}"
    tables = [name for name in folder.folders[1:] if label_table(folder.root / name)]
    if len(tables) == 1:
        return f"the folder {shlex.quote(str(folder.root / tables[0]))}, which has a {LABELS}"
    if tables:
        return f"one {LABELS} in {folder.root} for {shortened(tables)}, with a column split"
    if is_celeba(folder.root):
        return f"python -m train.celeba --data {shlex.quote(str(folder.root))}, as this is CelebA"
    above = folder.root.resolve().parent
    if label_table(above):
        return f"the folder {shlex.quote(str(above))}, which has a {LABELS}"
    if folder.photos and not names and sum(map(has_photos, visible_folders(above))) > 1:
        return f"the folder {shlex.quote(str(above))}, if its folders are classes"
    parts = {PurePosixPath(file).parts[:2] for file in folder.photos if file.count("/") > 1}
    if len(set(names)) == 1 and len(parts) > 1:
        return f"the folder {shlex.quote(str(folder.root / names[0]))}, if its folders are classes"
    return OWN_PHOTOS_HELP


def _check_splits(named: Iterable[tuple[str, str]]) -> None:
    """Raise DataError for a class that only other splits than train have.

    named: class and split, "" for none, of each photo.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for name, split in named:
        found[split].add(name)
    if "train" not in found:
        return
    for split in ("val", "test"):
        unknown = sorted(found.get(split, set()) - found["train"])
        if unknown:
            raise DataError(
                f"train has no photo of the class {shortened(unknown)} of {split}, but of "
                f"{shortened(sorted(found['train']))}",
                "the same folders of classes in each split",
            )


def _people(places: Iterable[_Place]) -> set[str]:
    """Return the folders of people below the classes: from FEWEST_PEOPLE on, else none."""
    found: dict[str, set[str]] = defaultdict(set)
    for place in places:
        if place.nested:
            found[place.nested].add(place.split)
    if len(found) < FEWEST_PEOPLE:
        return set()
    if not any(set().union(*found.values())):
        log.info(f"{len(found)} folders below the classes: the photos of each stay in one split")
        return set(found)
    several = sorted(name for name, of in found.items() if len(of) > 1)
    if several:
        log.info(
            f"folders below the classes that are in several splits: {shortened(several)}. "
            "If each has the photos of a person, the test is easier than new people are"
        )
    return set()
