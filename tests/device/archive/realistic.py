"""Write a log as a camera in a shop does, and measure its archive.

    python -m tests.device.archive.realistic /tmp/logs --days 3
    python -m tests.device.archive.realistic --like faces.csv     # the figures of a real log

People come at random, more of them at noon, and a face moves. How probabilities differ from person
to person is measured, for each attribute, on photos: 843 of CelebA, by `device.run --camera PHOTOS`
and `--like`. How they change within a person is measured on six films of 2 to 14 s: from one second
to the next the log-odds change by 0.08 to 0.41 (median of a film, here 0.33), the score by 0.01 to
0.04 (here 0.02).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import itertools
import math
import random
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from device.attributes.presets import OBSERVABLE
from device.rowlog import line, timestamp

FIXED = ("time", "source", "frame", "track", "x", "y", "width", "height", "score", "state")
NAMES = tuple(sorted(OBSERVABLE))
FPS = 10
JITTER_S = 0.004  # of a frame's time
EVERY_S = 1.0  # between two rows of a face
# Log-odds over many people: mean and standard deviation, as --like prints them.
PEOPLE: Mapping[str, tuple[float, float]] = {
    "5_o_Clock_Shadow": (-4.6, 2.6),
    "Bald": (-6.9, 1.8),
    "Bangs": (-4.4, 3.4),
    "Black_Hair": (-2.6, 3.2),
    "Blond_Hair": (-4.4, 3.1),
    "Brown_Hair": (-2.6, 2.2),
    "Eyeglasses": (-6.5, 2.9),
    "Goatee": (-6.0, 2.3),
    "Gray_Hair": (-6.1, 2.2),
    "Mouth_Slightly_Open": (-0.4, 4.1),
    "Mustache": (-6.1, 2.2),
    "No_Beard": (4.2, 3.4),
    "Receding_Hairline": (-4.6, 2.3),
    "Sideburns": (-6.4, 2.3),
    "Smiling": (-0.3, 4.3),
    "Straight_Hair": (-2.5, 2.2),
    "Wavy_Hair": (-1.7, 2.4),
    "Wearing_Earrings": (-3.3, 2.7),
    "Wearing_Hat": (-6.3, 2.2),
    "Wearing_Lipstick": (-1.9, 4.7),
    "Wearing_Necklace": (-3.4, 2.0),
    "Wearing_Necktie": (-5.5, 2.7),
}
WITHIN = 0.35  # standard deviation of a person's log-odds, about their mean


def rows(day: date, seed: int = 0, visits: int = 1500) -> Iterator[bytes]:
    """Yield the rows of a day, by time: one a second for each of so many visits of 20 s or so."""
    rng = random.Random(f"{day}{seed}")
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    seen: list[tuple[int, int]] = []
    people: dict[int, _Person] = {}
    for track in range(1, visits + 1):
        begin = int(min(max(rng.gauss(13, 3), 8), 19.5) * 3600 * FPS)
        people[track] = _Person(rng)
        frames = FPS * int(rng.expovariate(1 / 20))
        last_s = -math.inf
        for frame in range(begin, begin + frames + 1):
            if _seconds(frame) - last_s >= EVERY_S:
                last_s = _seconds(frame)
                seen.append((frame, track))
    for frame, track in sorted(seen):
        at = timestamp(midnight + timedelta(seconds=_seconds(frame)))
        yield line([at, "usb:0", str(frame), str(track), *people[track].cells(rng)])


def _seconds(frame: int) -> float:
    """Return the time of a frame, s from midnight: each frame has its own, whoever is in it."""
    return frame / FPS + random.Random(frame).uniform(0, JITTER_S)


class _Person:
    """A face: its place, the width of its box, score and log-odds."""

    def __init__(self, rng: random.Random):
        self.x, self.y = rng.uniform(100, 1100), rng.uniform(100, 500)
        self.width = rng.uniform(30, 140)
        self.score = rng.gauss(0.88, 0.03)
        self.log_odds = [rng.gauss(*PEOPLE[name]) for name in NAMES]

    def cells(self, rng: random.Random) -> list[str]:
        """Return box, score, state and attributes of the next second."""
        self.x += rng.gauss(0, 8)
        self.y += rng.gauss(0, 3)
        side = round(self.width * rng.uniform(0.97, 1.03))
        score = min(1.0, rng.gauss(self.score, 0.02))
        box = *(f"{round(value)}" for value in (self.x, self.y)), str(side), str(side)
        if side < 36 or rng.random() < 0.1:
            state = "too small" if side < 36 else "turned away"
            return [*box, f"{score:.3f}", state, *("" for _ in NAMES)]
        values = (1 / (1 + math.exp(-rng.gauss(mean, WITHIN))) for mean in self.log_odds)
        return [*box, f"{score:.3f}", "ok", *(f"{value:.3f}" for value in values)]


def write_day(folder: Path, day: date, packed: bool = True, **options: int) -> Path:
    """Write the older file of a day; return its path."""
    path = folder / f"faces.{day}.csv{'.gz' if packed else ''}"
    with gzip.open(path, "wb") if packed else path.open("wb") as file:
        file.write(line([*FIXED, *NAMES]))
        file.writelines(rows(day, **options))
    return path


def people_of(log: Path) -> dict[str, tuple[float, float]]:
    """Return {attribute: (mean, standard deviation) of its log-odds} of a log's faces."""
    with log.open(newline="") as file:
        faces = [row for row in csv.DictReader(file) if row["state"] == "ok"]
    found = {}
    for name in NAMES:
        values = (min(max(float(face[name]), 0.0005), 0.9995) for face in faces)
        log_odds = [math.log(value / (1 - value)) for value in values]
        found[name] = round(statistics.mean(log_odds), 1), round(statistics.pstdev(log_odds), 1)
    return found


def entropy_bytes(log: Path) -> float:
    """Return the entropy of what changes from row to row, sorted by track and time, in bytes.

    That is what a coder needs which knows how frequent each difference is, column by column.
    """
    with gzip.open(log, "rt", newline="") as file:
        header, *table = list(csv.reader(file))
    table.sort(key=lambda row: (int(row[header.index("track")]), row[0]))
    bits = 0.0
    for name, *cells in zip(header, *table, strict=True):
        values = [_number(name, cell) for cell in cells]
        counts = Counter(itertools.starmap(_difference, itertools.pairwise(values)))
        total = sum(counts.values())
        bits -= sum(count * math.log2(count / total) for count in counts.values())
    return bits / 8


def _number(name: str, cell: str) -> int | str:
    """Return a cell as a whole number of its smallest unit; a text as it is."""
    if name == "time":
        return round(datetime.fromisoformat(cell).timestamp() * 1000)
    digits = cell.replace(".", "")
    return int(digits) if digits.lstrip("-").isdigit() else cell


def _difference(before: int | str, after: int | str) -> int | str:
    return after - before if isinstance(before, int) and isinstance(after, int) else after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("/tmp/logs"))
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--visits", type=int, default=1500, help="of a day")
    parser.add_argument("--like", type=Path, metavar="LOG.csv", help="print its figures, and end")
    options = parser.parse_args()
    if options.like:
        print(people_of(options.like))
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    for back in range(options.days):
        path = write_day(
            options.folder, date(2026, 11, 22) - timedelta(days=back), visits=options.visits
        )
        with gzip.open(path) as file:
            size = sum(map(len, file))
        print(
            f"{path}: {size / 1e6:.2f} MB of CSV, compressed {path.stat().st_size / 1e6:.2f} MB; "
            f"entropy of the differences {entropy_bytes(path) / 1e6:.2f} MB"
        )
    print(f"python -m device.archive {options.folder / 'faces.csv'}")


if __name__ == "__main__":
    main()
