"""Read UTKFace: photos of faces with age, gender and race, of adults."""

from dataclasses import dataclass
from pathlib import Path

from device.log import log
from device.text import counted
from train.data.celeba_files import table_in
from train.data.photo_checks import photos_below
from train.data.split import DataError
from train.data.tables import Conversion, read_columns, whole

HINT = "--utkface DIR"
MALE, FEMALE = "male", "female"
GENDERS = {"0": MALE, "1": FEMALE, "m": MALE, "f": FEMALE, "man": MALE, "woman": FEMALE}
GENDERS |= {MALE: MALE, FEMALE: FEMALE}
RACES = ("White", "Black", "Asian", "Indian", "Other")  # in the order of UTKFace's numbers
ADULT = 18  # years
PHOTOS = "images"  # folder beside labels.csv
# CelebA's Young has no defined age: yes below the first number, no above the second.
YOUNG_BELOW, YOUNG_NOT_ABOVE = 35, 50


@dataclass(frozen=True)
class UtkFace:
    """A photo and its labels."""

    photo: Path
    age: int
    gender: str  # male or female
    race: str


def is_young(age: int) -> bool | None:
    """Return whether a person of this age is young; None between the two limits."""
    if YOUNG_BELOW <= age <= YOUNG_NOT_ABOVE:
        return None
    return age < YOUNG_BELOW


def read_utkface(folder: Path) -> list[UtkFace]:
    """Return the adults of a folder: of its labels.csv, or else of the photos' names.

    labels.csv has the columns file, age, gender and race, its photos are beside it or in images/;
    names are age_gender_race_date.jpg, as
    UTKFace is distributed. Raises DataError for malformed labels, and without any.
    """
    if not folder.is_dir():
        raise DataError(f"no folder {folder}", HINT)
    if path := table_in(folder, "labels"):
        columns: dict[str, Conversion] = {
            "file": str,
            "age": whole,
            "gender": _gender,
            "race": _race,
        }
        rows = read_columns(path, columns, HINT)
        photos = folder / PHOTOS if (folder / PHOTOS).is_dir() else folder
        faces = [UtkFace(photos / file, *labels) for file, *labels in rows]
    else:
        faces = _of_names(folder)
    return [face for face in faces if face.age >= ADULT]


def _of_names(folder: Path) -> list[UtkFace]:
    paths = photos_below(folder)
    faces = []
    for path in paths:
        age, gender, race, *_ = [*path.name.split("_"), "", ""]
        try:
            faces.append(UtkFace(path, whole(age), _gender(gender), _race(race)))
        except ValueError:
            continue
    if not faces:
        raise DataError(
            f"no labels.csv in {folder}, and no photo named age_gender_race_date.jpg", HINT
        )
    if len(faces) < len(paths):
        odd = counted(len(paths) - len(faces), "photo")
        log.info(f"{odd} in {folder} left out: not named age_gender_race_date.jpg")
    return faces


def _gender(cell: str) -> str:
    """Return male or female; ValueError for other cells."""
    if cell.casefold() not in GENDERS:
        raise ValueError(cell)
    return GENDERS[cell.casefold()]


def _race(cell: str) -> str:
    """Return the name of a race that is numbered 0 to 4, and other names as they are."""
    if not cell.isdecimal():
        if not cell or "." in cell:  # a name without a race has its date and ending here
            raise ValueError(cell)
        return cell
    if int(cell) >= len(RACES):
        raise ValueError(cell)
    return RACES[int(cell)]
