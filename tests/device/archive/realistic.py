"""Write a log as a camera in a shop does, and measure its archive.

    python -m tests.device.archive.realistic /tmp/logs --days 3

People come at random, more of them at noon, and a face moves. Its probabilities vary around values
of its own. They have the figures of two films of one person, 15 s together: in log-odds, the median
is 5.0 to 5.8 from 0, and a second changes it by 0.34 to 0.48; 53 to 68 % are below 0.01 or above
0.99.
"""

from __future__ import annotations

import argparse
import gzip
import math
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from device.attributes.presets import OBSERVABLE
from device.rowlog import line, timestamp

FIXED = ("time", "source", "frame", "track", "x", "y", "width", "height", "score", "state")
NAMES = tuple(sorted(OBSERVABLE))
FPS = 10


def rows(day: date, seed: int = 0, visits: int = 1500) -> Iterator[bytes]:
    """Yield the rows of a day, by time: one a second for each of so many visits of 20 s or so."""
    rng = random.Random(f"{day}{seed}")
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    seen: list[tuple[float, int]] = []
    people: dict[int, tuple[list[float], list[float]]] = {}
    for track in range(1, visits + 1):
        begin = min(max(rng.gauss(13, 3), 8), 19.5) * 3600
        people[track] = (
            [rng.uniform(100, 1100), rng.uniform(100, 500), rng.uniform(30, 140)],
            [rng.gauss(-5.5 if rng.random() < 0.8 else 5, 2.5) for _ in NAMES],
        )
        seen += [(begin + second, track) for second in range(int(rng.expovariate(1 / 20)) + 1)]
    for second, track in sorted(seen):
        place, logits = people[track]
        place[0] += rng.gauss(0, 8)
        place[1] += rng.gauss(0, 3)
        side = place[2] * rng.uniform(0.97, 1.03)
        fixed = [
            timestamp(midnight + timedelta(seconds=second)),
            "usb:0",
            str(int(second * FPS)),
            str(track),
            *(f"{round(value)}" for value in (place[0], place[1], side, side)),  # never -0
            f"{rng.uniform(0.7, 0.95):.3f}",
        ]
        if side < 36 or rng.random() < 0.1:
            state = "too small" if side < 36 else "turned away"
            yield line([*fixed, state, *("" for _ in NAMES)])
        else:
            values = (1 / (1 + math.exp(-logit - rng.gauss(0, 0.35))) for logit in logits)
            yield line([*fixed, "ok", *(f"{value:.3f}" for value in values)])


def write_day(folder: Path, day: date, packed: bool = True, **options: int) -> Path:
    """Write the older file of a day; return its path."""
    path = folder / f"faces.{day}.csv{'.gz' if packed else ''}"
    with gzip.open(path, "wb") if packed else path.open("wb") as file:
        file.write(line([*FIXED, *NAMES]))
        file.writelines(rows(day, **options))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--visits", type=int, default=1500, help="of a day")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for back in range(options.days):
        path = write_day(
            options.folder, date(2026, 11, 22) - timedelta(days=back), visits=options.visits
        )
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB compressed")
    print(f"python -m device.archive {options.folder / 'faces.csv'}")


if __name__ == "__main__":
    main()
