"""Count the faces of folders of photos that the quality gate rejects for their light.

    D=../shared/data
    python -m train.tools.exposure $D/genki $D/wild                        # 1 min
    python -m train.tools.exposure $D/utkface --by race                    # 30 s
    python -m train.tools.exposure $D/skin_tone --by fitzpatrick_type

Prints a Markdown table, a row per folder or, with --by, per value of that column of its labels.csv:
the faces, those that are too dark and too bright at the default limits, and the extremes. Well-lit
photos of any skin should have none. `train.evaluate rejection` measures what the limits gain.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from device.analyzer import FaceAnalyzer, largest
from device.camera.photo_files import photos_in
from device.cli.command import Parser, exit_with
from device.errors import SourceError
from device.faces.align import CELEBA_FRAME, AlignError
from device.faces.blazeface import BlazeFace
from device.faces.quality import exposure
from device.faces.quality_gate import NO_LIMITS
from device.settings import FacesSettings
from train.data.crops import with_border
from train.data.tables import read_columns
from train.data.unreadable import photo_or_none


def groups(folder: Path, column: str) -> dict[str, list[Path]]:
    """Return the photos by the value of a column of labels.csv; all as one without a column."""
    if not folder.is_dir():
        raise SourceError(f"no folder {folder}", "a folder of photos")
    if not column:
        return {folder.name: photos_in(folder, recursive=True)}
    columns = {"file": str, column: str}
    found: dict[str, list[Path]] = {}
    for file, value in read_columns(folder / "labels.csv", columns, "another --by"):
        found.setdefault(f"{folder.name}, {value}", []).append(folder / file)
    return dict(sorted(found.items()))


def exposures(photos: list[Path], analyzer: FaceAnalyzer) -> Iterator[tuple[float, float]]:
    """Yield brightness and burnt-out share of each photo's largest face, if it has one."""
    for path in photos:
        photo = photo_or_none(path)
        if photo is None:
            continue
        image = with_border(photo)
        face = largest(analyzer.analyze(image))
        if face:
            try:
                yield exposure(analyzer.geometry.crop(image, face.landmarks))
            except AlignError:  # eyes a few pixels apart
                continue


def row(name: str, values: list[tuple[float, float]]) -> str:
    """Return a line of the table."""
    brightness, overexposed = np.array(values or [(np.nan, np.nan)]).T
    limits = FacesSettings()
    dark = int((brightness < limits.min_brightness).sum())
    bright = int((overexposed > limits.max_overexposed).sum())
    extremes = f"{brightness.min():.0f} | {overexposed.max():.2f}"
    return f"| {name} | {len(values)} | {dark} | {bright} | {extremes} |"


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.tools.exposure", __doc__ or "")
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="photos of people")
    parser.add_argument("--by", default="", metavar="COLUMN", help="a column of labels.csv")
    options = parser.parse_args(argv)
    analyzer = FaceAnalyzer(BlazeFace(), NO_LIMITS, geometry=CELEBA_FRAME)
    print("| photos | faces | too dark | too bright | lowest brightness | most burnt out |")
    print("|---|---|---|---|---|---|")
    for folder in options.folders:
        for name, photos in groups(folder, options.by).items():
            print(row(name, list(exposures(photos, analyzer))), flush=True)


if __name__ == "__main__":
    exit_with(main)
