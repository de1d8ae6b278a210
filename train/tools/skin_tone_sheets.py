"""Draw contact sheets of faces, to label their skin tone by eye.

    D=../shared/data
    python -m train.tools.skin_tone_sheets --photos $D/skin_tone --seed 1 --out sheets/1    # 2 s
    python -m train.tools.skin_tone_sheets --data $D/celeba --without $D/skin_tone \\
        --identities $D/celeba_more --seed 1 --out sheets/1                                # 30 s

--photos draws all photos of a folder. --data chooses --count training photos of CelebA: spread
evenly over the individual typology angle of the cheeks, one per person, and of nobody in the
photos of --without. The choice does not depend on --seed, which is that of the faces' order.

Leaves sheet-01.png and so on, of up to 30 faces each in rows A to E, with a swatch per Fitzpatrick
type and a grey scale, and order.csv (sheet, row, column, file). `train.tools.skin_tone_agreement`
reads the types that are entered for them. The sheets show people: do not publish them.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from device.camera.photo_files import photos_in
from device.cli.command import Parser, count, exit_with
from device.emoji.skin import BANDS, SKIN_AT, SKIN_HALF, lab_patch, typology_angle
from device.errors import SourceError, UsageError, os_reason
from device.faces.align import FRAME_LANDMARKS, FRAME_WH
from device.files import write_atomic
from device.text import counted
from train.data.celeba import read_celeba
from train.data.identities import read_identities
from train.data.split import DataError
from train.data.unreadable import crop_or_none

COLUMNS, ROWS = 6, "ABCDE"
CELL_WH = FRAME_WH
HEADER, LABEL = 90, 20  # px: height of the reference colours, and of a face's number
ANGLES = (-60, 80)  # degrees; the choice is even between these
CHOICE_SEED = 0
# CIELAB with typology angles of 48, 35, 20, -10 and -45 degrees: the middles of light,
# intermediate, tan, brown and dark skin (Chardon et al., 1991).
SWATCHES = {2: (70, 11, 18), 3: (64, 12, 20), 4: (58, 13, 22), 5: (46, 14, 22), 6: (35, 12, 15)}
GREYS = (10, 30, 50, 70, 90)  # CIELAB lightness


def cheek_angle(crop_rgb: np.ndarray) -> float:
    """Return the individual typology angle of the cheeks of a FRAME_WH photo, degrees."""
    eyes, nose = FRAME_LANDMARKS[:2], FRAME_LANDMARKS[2]
    eyes_px = float(eyes[1, 0] - eyes[0, 0])
    origin = np.array([nose[0], eyes[:, 1].mean()])
    cheeks = [
        lab_patch(crop_rgb, origin + eyes_px * np.array(at), SKIN_HALF * eyes_px)
        for at in SKIN_AT[:2]
    ]
    return typology_angle(np.median(np.concatenate(cheeks), axis=0))


def choose_evenly(angles: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the indices of `size` photos whose angles are as evenly spread as the photos allow.

    Targets lie at equal distances between the ends of ANGLES, or of the angles there are; each
    takes the nearest photo left, in random order of the targets.
    """
    low, high = max(ANGLES[0], angles.min()), min(ANGLES[1], angles.max())
    left = np.ones(len(angles), bool)
    chosen = []
    for target in rng.permutation(np.linspace(low, high, size)):
        distance = np.where(left, abs(angles - target), np.inf)
        nearest = int(distance.argmin())
        left[nearest] = False
        chosen.append(nearest)
    return np.array(chosen)


def training_photos(data: Path, without: Path, identity_folders: Iterable[Path]) -> list[Path]:
    """Return a random training photo of each person of CelebA who is in no photo of `without`.

    identity_folders: with identity_CelebA.txt. Raises DataError if a training photo has no
    identity there; photos of `without` that have none are counted in a printed line.
    """
    identities: dict[str, int] = {}
    for folder in identity_folders:
        identities |= read_identities(folder)
    excluded = {photo.stem for photo in _photos_of(without)}
    used = {identities[name] for name in excluded if name in identities}
    unknown = len(excluded - identities.keys())
    print(f"people of {without}: {len(used)} left out, {unknown} unknown")
    photos = [p for p in read_celeba(data).splits["train"].photos if p.stem not in excluded]
    chosen: dict[int, Path] = {}
    for index in np.random.default_rng(CHOICE_SEED).permutation(len(photos)):
        photo = photos[index]
        if photo.stem not in identities:
            raise DataError(f"{photo.name} has no identity", "--data DIR with identity_CelebA.txt")
        chosen.setdefault(identities[photo.stem], photo)
    return [photo for person, photo in chosen.items() if person not in used]


def choose(photos: list[Path], size: int) -> list[Path]:
    """Return `size` of the photos, evenly spread over the cheeks' typology angle."""
    crops = ((photo, crop_or_none(photo, FRAME_WH)) for photo in photos)
    measured = [(photo, cheek_angle(crop)) for photo, crop in crops if crop is not None]
    if not 0 < size <= len(measured):
        raise UsageError(f"--count {size}, of {len(measured)} people", "--count N, fewer")
    angles = np.array([angle for _, angle in measured])
    chosen = choose_evenly(angles, size, np.random.default_rng(CHOICE_SEED))
    spread = np.percentile(angles[chosen], (0, 25, 50, 75, 100)).round(1)
    print(f"{size} of {len(measured):,} people; quartiles of the cheek angle: {spread.tolist()}")
    return [measured[index][0] for index in chosen]


def sheet(faces: Sequence[np.ndarray]) -> np.ndarray:
    """Return a picture of up to 30 faces below the reference colours, uint8 (h, w, 3) RGB.

    faces: uint8 RGB, of CELL_WH.
    """
    width, height = CELL_WH
    size_hw = HEADER + len(ROWS) * (height + LABEL), COLUMNS * width
    picture = np.full((*size_hw, 3), 255, np.uint8)
    _draw_references(picture)
    for index, face in enumerate(faces):
        row, column = divmod(index, COLUMNS)
        left, top = column * width, HEADER + row * (height + LABEL)
        _write(picture, f"{ROWS[row]}{column + 1}", (left + 4, top + 15))
        picture[top + LABEL : top + LABEL + height, left : left + width] = face
    return picture


def _draw_references(picture: np.ndarray) -> None:
    colours = [(str(band), SWATCHES[band]) for band in BANDS]
    colours += [(f"L {grey}", (grey, 0, 0)) for grey in GREYS]
    width = picture.shape[1] // len(colours)
    for index, (name, lab) in enumerate(colours):
        rgb = cv2.cvtColor(np.array([[lab]], np.float32), cv2.COLOR_LAB2RGB)[0, 0]
        left = index * width
        picture[LABEL : HEADER - 4, left : left + width - 6] = np.clip(255 * rgb, 0, 255).round()
        _write(picture, name, (left + 4, 15))


def _write(picture: np.ndarray, text: str, at: tuple[int, int]) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)


def write_sheets(photos: list[Path], seed: int, out: Path) -> int:
    """Write the sheets of the photos in random order, and order.csv; return how many sheets.

    Photos that cannot be read are left out. Raises UsageError if a file cannot be written.
    """
    crops = [(photo.name, crop_or_none(photo, CELL_WH)) for photo in sorted(photos)]
    faces = [(name, crop) for name, crop in crops if crop is not None]
    shuffled = [faces[index] for index in np.random.default_rng(seed).permutation(len(faces))]
    per_sheet = COLUMNS * len(ROWS)
    lines = ["sheet,row,column,file"]
    starts = range(0, len(shuffled), per_sheet)
    for number, start in enumerate(starts, 1):
        members = shuffled[start : start + per_sheet]
        picture = sheet([crop for _, crop in members])[:, :, ::-1]
        _save(out / f"sheet-{number:02d}.png", cv2.imencode(".png", picture)[1].tobytes())
        for index, (name, _) in enumerate(members):
            row, column = divmod(index, COLUMNS)
            lines.append(f"{number},{ROWS[row]},{column + 1},{name}")
    _save(out / "order.csv", "\n".join([*lines, ""]).encode())
    return len(starts)


def _save(path: Path, content: bytes) -> None:
    try:
        write_atomic(path, content)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {os_reason(error)}", "--out DIR") from error


def _photos_of(folder: Path) -> list[Path]:
    try:
        return photos_in(folder, recursive=False)
    except OSError as error:
        raise SourceError(
            f"cannot read {folder}: {os_reason(error)}", "a folder of photos"
        ) from error


def make_parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("train.tools.skin_tone_sheets", __doc__)
    add = parser.add_argument
    add("--photos", type=Path, metavar="DIR", help="aligned photos, all to be drawn")
    add("--data", type=Path, metavar="DIR", help="CelebA, to choose training photos from")
    add("--without", type=Path, metavar="DIR", help="photos of people to leave out of --data")
    add("--identities", type=Path, metavar="DIR", help="more identities, of --without")
    add("--count", type=count, default=600, metavar="N", help="photos to choose (default: 600)")
    add("--seed", type=count, required=True, metavar="N", help="of the order on the sheets")
    add("--out", type=Path, required=True, metavar="DIR", help="for the sheets")
    return parser


def main(argv: list[str] | None = None) -> None:
    options = make_parser().parse_args(argv)
    if options.photos:
        photos = _photos_of(options.photos)
    elif options.data and options.without:
        folders = [folder for folder in (options.data, options.identities) if folder]
        photos = choose(training_photos(options.data, options.without, folders), options.count)
    else:
        raise UsageError("no photos to draw", "--photos DIR, or --data DIR --without DIR")
    sheets = write_sheets(photos, options.seed, options.out)
    print(f"wrote {counted(sheets, 'sheet')} to {options.out}")


if __name__ == "__main__":
    exit_with(main)
