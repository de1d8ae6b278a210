"""Measure how far skin tones that were labelled by eye agree with given labels and with themselves.

    D=../shared/data
    python -m train.tools.skin_tone_agreement --given $D/skin_tone                  # 5 s
    python -m train.tools.skin_tone_agreement --sheets sheets/1 sheets/2 --out passes.csv
    python -m train.tools.skin_tone_agreement --passes passes.csv --given $D/skin_tone

Each folder of --sheets is one of `train.tools.skin_tone_sheets` with a types.txt: the Fitzpatrick
type of each face in the order of order.csv, 2 to 6.9 (4.9 is the darkest of type 4), separated by
blanks. --out gets a row per photo: file, pass_1, pass_2 and so on.

--given prints Markdown tables: the share of photos with the given type, and within one of it; the
share after the limits between the types were moved to fit the given labels of a random half of the
photos, measured on the other half (mean of 200 halves), and with the limits that are best for all
photos, which no other limits exceed; the agreement of two passes; the confusion matrix of pass 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit

from device.cli.command import Parser, exit_with
from device.emoji.skin import BANDS
from device.errors import UsageError, os_reason
from device.files import read_text, write_atomic
from train.data.split import DataError
from train.data.tables import Conversion, number, read_columns, read_table
from train.tools.skin_tone import read_labels

PASSES = Path(__file__).with_name("skin_tone_passes.csv")
HALVES = 200  # random halves of the photos
TYPES_HINT = f"a type per face, {BANDS[0]} to {BANDS[-1]}.9"


@dataclass(frozen=True)
class Agreement:
    """Shares of photos, 0..1."""

    exact: float
    within_one: float


def agreement(first: np.ndarray, second: np.ndarray) -> Agreement:
    """Return the agreement of two sets of types, int (photos,) each."""
    apart = abs(first - second)
    return Agreement(float(np.mean(apart == 0)), float(np.mean(apart <= 1)))


def fit_limits(scores: np.ndarray, types: np.ndarray) -> np.ndarray:
    """Return the limits between BANDS at which the most scores get their type, float64 (4,).

    scores: (photos,), higher is darker. types: int (photos,). A score equal to a limit belongs to
    the darker type. Searches all ascending limits, by dynamic programming.
    """
    values = np.unique(scores)
    cuts = np.concatenate([values[:1] - 1, (values[1:] + values[:-1]) / 2, values[-1:] + 1])
    below = np.array([[np.sum((types == band) & (scores < cut)) for cut in cuts] for band in BANDS])
    hits, steps = below[0], []
    for row in below[1:]:
        gains = hits - row
        # The lightest cut of the best: ties are broken alike everywhere.
        best = np.array([int(gains[: index + 1].argmax()) for index in range(len(cuts))])
        hits = gains[best] + row
        steps.append(best)
    limits, index = [], len(cuts) - 1
    for best in reversed(steps):
        index = int(best[index])
        limits.append(cuts[index])
    return np.array(limits[::-1])


def with_limits(scores: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Return the types of scores (photos,) between limits, int (photos,)."""
    return BANDS[0] + np.searchsorted(limits, scores, side="right")


def moved_limits(scores: np.ndarray, types: np.ndarray, halves: int = HALVES) -> Agreement:
    """Return the agreement with limits fitted to one half of the photos, on the other half.

    The mean over `halves` random halves with equal shares of each type.
    """
    results = []
    split = StratifiedShuffleSplit(halves, test_size=0.5, random_state=0)
    for fit_on, rest in split.split(scores, types):
        limits = fit_limits(scores[fit_on], types[fit_on])
        results.append(agreement(with_limits(scores[rest], limits), types[rest]))
    return Agreement(
        float(np.mean([result.exact for result in results])),
        float(np.mean([result.within_one for result in results])),
    )


def score(cell: str) -> float:
    """Return a type with its decimals; ValueError for what is no type."""
    value = number(cell)
    if value is None or not BANDS[0] <= value < BANDS[-1] + 1:
        raise ValueError(f"{cell!r} is no type")
    return value


def read_sheets(folder: Path) -> dict[str, float]:
    """Return {file: score} of order.csv and types.txt; DataError if one does not fit the other."""
    columns: dict[str, Conversion] = {"file": str}
    files = [file for (file,) in read_columns(folder / "order.csv", columns, "--sheets DIR")]
    path = folder / "types.txt"
    try:
        scores = [score(word) for word in read_text(path).split()]
    except OSError as error:
        raise DataError(f"cannot read {path}: {os_reason(error)}", TYPES_HINT) from error
    except ValueError as error:
        raise DataError(f"{path}: {error}", TYPES_HINT) from None
    if len(scores) != len(files):
        raise DataError(
            f"{path} has {len(scores)} types, the sheets {len(files)} faces", TYPES_HINT
        )
    return dict(zip(files, scores, strict=True))


def read_passes(path: Path) -> dict[str, dict[str, float]]:
    """Return {pass: {file: score}} of a file that --out wrote; DataError if it is malformed."""
    names = [name for name in read_table(path, "--passes FILE").header if name.startswith("pass_")]
    if not names:
        raise DataError(f"{path} has no column pass_1", "--passes FILE")
    columns: dict[str, Conversion] = {"file": str} | dict.fromkeys(names, score)
    rows = read_columns(path, columns, "--passes FILE")
    return {name: {row[0]: row[index] for row in rows} for index, name in enumerate(names, 1)}


def write_passes(path: Path, passes: Sequence[dict[str, float]]) -> None:
    """Write a row per photo; DataError if the passes have other photos."""
    if any(one.keys() != passes[0].keys() for one in passes):
        raise DataError("the sheets are of different photos", "--sheets of one set of photos")
    lines = [",".join(["file", *(f"pass_{index}" for index in range(1, len(passes) + 1))])]
    lines += [",".join([file, *(f"{one[file]:g}" for one in passes)]) for file in sorted(passes[0])]
    try:
        write_atomic(path, "\n".join([*lines, ""]).encode())
    except OSError as error:
        raise UsageError(f"cannot write {path}: {os_reason(error)}", "--out FILE.csv") from error


def tables(scores: np.ndarray, types: np.ndarray) -> list[str]:
    """Return the lines of the tables. scores: (passes, photos). types: the given, int (photos,)."""
    lines = ["| pass | exact | within one type | exact, limits moved | exact, best limits |"]
    lines.append("|---|---|---|---|---|")
    whole_types = np.floor(scores).astype(int)
    for index, (row, labels) in enumerate(zip(scores, whole_types, strict=True), 1):
        shares = agreement(labels, types)
        moved = moved_limits(row, types).exact
        best = agreement(with_limits(row, fit_limits(row, types)), types).exact
        lines.append(
            f"| {index} | {shares.exact:.3f} | {shares.within_one:.3f} | {moved:.3f} | {best:.3f} |"
        )
    lines += ["", "| passes | exact | within one type |", "|---|---|---|"]
    for index in range(0, len(scores) - 1, 2):
        pair = agreement(whole_types[index], whole_types[index + 1])
        lines.append(f"| {index + 1}, {index + 2} | {pair.exact:.3f} | {pair.within_one:.3f} |")
    return [*lines, "", *_confusion(whole_types[0], types)]


def _confusion(labels: np.ndarray, types: np.ndarray) -> list[str]:
    lines = [f"| given | {' | '.join(map(str, BANDS))} |", "|---" * (len(BANDS) + 1) + "|"]
    for band in BANDS:
        counts = (int(np.sum((types == band) & (labels == other))) for other in BANDS)
        lines.append(f"| {band} | {' | '.join(map(str, counts))} |")
    return lines


def make_parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("train.tools.skin_tone_agreement", __doc__)
    add = parser.add_argument
    add("--sheets", type=Path, nargs="+", metavar="DIR", help="sheets with types.txt, one a pass")
    add("--out", type=Path, metavar="FILE.csv", help="for the passes of --sheets")
    add("--passes", type=Path, default=PASSES, metavar="FILE.csv", help="what --out wrote")
    add("--given", type=Path, metavar="DIR", help="labels.csv with file and fitzpatrick_type")
    return parser


def main(argv: list[str] | None = None) -> None:
    options = make_parser().parse_args(argv)
    if bool(options.sheets) != bool(options.out):
        raise UsageError("--sheets and --out need each other", "--sheets DIR --out FILE.csv")
    if not options.sheets and not options.given:
        raise UsageError("nothing to do", "--sheets DIR --out FILE.csv, or --given DIR")
    if options.sheets:
        write_passes(options.out, [read_sheets(folder) for folder in options.sheets])
        print(f"wrote {options.out}")
    if options.given:
        passes = read_passes(options.out or options.passes)
        photos, types = read_labels(options.given, "--given DIR")
        missing = [p.name for p in photos for one in passes.values() if p.name not in one]
        if missing:
            raise DataError(f"the passes have no {missing[0]}", "--passes FILE.csv of these photos")
        scores = np.array([[one[photo.name] for photo in photos] for one in passes.values()])
        print("\n".join([f"{len(photos)} photos", "", *tables(scores, types)]))


if __name__ == "__main__":
    exit_with(main)
