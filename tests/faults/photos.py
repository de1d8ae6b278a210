"""A folder of photos with everything in it that attackers and accidents put there."""

import csv
import os
import socket
import unicodedata
from pathlib import Path

import cv2
from PIL import Image

from device.camera.demo import ASTRONAUT, portrait
from device.rowlog.csv_format import unescaped
from tests.device.cli.test_run import NASTY_NAMES
from tests.faults.ended import PEAK_MB, run_to_end
from tests.faults.fault import Bench, Outcome

SIDE = 8000  # px: decoded, 64 MB and as RGB 192 MB more
GOOD = ("a good one.jpg", "m.png", "zz.webp", *NASTY_NAMES)
HUGE = ("b.png", "c.tif", "y.jpg")
REDUCED = "k.jpg"  # huge, too, but read at a reduced size
REFUSED = ("e.jpg", "half.jpg", "empty.png", "\x1b[2Jhalf.jpg", *HUGE)


def hostile_folder(bench: Bench) -> Outcome:
    """Read photos among ones that are huge, torn, of other formats, pipes, devices and links."""
    missing = odd = slowest_s = 0.0
    peak_mb, codes, refused, hits = 0.0, set(), 0, 0
    huge = _huge(bench.folder)
    for trial in range(bench.trials):
        folder = bench.folder / str(trial)
        _fill(folder / "photos", bench, huge)
        (folder / "bin").mkdir()
        (folder / "bin" / "gs").write_text(f"#!/bin/sh\ntouch '{folder / 'HIT'}'\n")
        (folder / "bin" / "gs").chmod(0o755)
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        flags = ("--headless", "--camera", "photos", "--log", "faces.csv", "--log-every", 0)
        ended = run_to_end(folder, *flags, PATH=path)
        text = (folder / "faces.csv").read_text()
        cells = [row["source"] for row in csv.DictReader(text.splitlines())]
        missing += len(set(GOOD) - {unescaped(cell) for cell in cells})
        odd += _is_odd("\n".join(ended.lines)) + _is_odd(text)
        odd += any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
        odd += any(not line.startswith("facet: ") for line in ended.lines)
        refused += sum("skipped: " in line for line in ended.lines)
        hits += (folder / "HIT").exists()
        codes.add(ended.code)
        peak_mb, slowest_s = max(peak_mb, ended.peak_mb), max(slowest_s, ended.took_s)
    total = bench.trials * len(REFUSED)
    return Outcome(
        f"a row of each of {len(GOOD)} good photos, a line of each of {len(REFUSED)} others, no "
        f"program started, names escaped, at most {PEAK_MB} MB",
        f"{missing:.0f} good photos without a row; {refused} of {total} lines; {hits} programs; "
        f"{odd:.0f} names not escaped; at most {peak_mb:.0f} MB and {slowest_s:.0f} s; exit codes "
        f"{', '.join(map(str, codes))}",
        not (missing or odd or hits) and refused == total and codes == {0} and peak_mb < PEAK_MB,
    )


def _is_odd(text: str) -> bool:
    """Whether a terminal would obey a part of the text."""
    return any(unicodedata.category(letter) in ("Cc", "Cf") for letter in text.replace("\n", ""))


def _huge(folder: Path) -> dict[str, bytes]:
    """Return files of few bytes and SIDE x SIDE px."""
    folder = folder / "huge"
    folder.mkdir()
    black = Image.new("1", (SIDE, SIDE))
    black.save(folder / "b.png", compress_level=1)
    black.save(folder / "c.tif", compression="group4")
    Image.new("L", (SIDE, SIDE)).save(folder / REDUCED)
    # A JPEG that cannot be decoded at a reduced size: its scans hold parts of each pixel.
    small = folder / "small.jpg"
    Image.new("RGB", (64, 48)).save(small, progressive=True)
    size, new = (48).to_bytes(2) + (64).to_bytes(2), SIDE.to_bytes(2) * 2
    (folder / "y.jpg").write_bytes(small.read_bytes().replace(size, new))
    return {name: (folder / name).read_bytes() for name in (*HUGE, REDUCED)}


def _fill(folder: Path, bench: Bench, huge: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    picture = cv2.resize(portrait(ASTRONAUT), (240, 240), interpolation=cv2.INTER_AREA)
    for name in GOOD:
        ending = Path(name).suffix if name in GOOD[:3] else ".jpg"
        (folder / name).write_bytes(cv2.imencode(ending, picture)[1].tobytes())
    whole = (folder / GOOD[0]).read_bytes()
    for name in (*REFUSED, REDUCED):
        cut = whole[: bench.rng.randrange(200, len(whole) // 2)]
        (folder / name).write_bytes(huge.get(name, b"" if name == "empty.png" else cut))
    Image.new("RGB", (32, 32)).save(folder / "e.jpg", "EPS")
    os.mkfifo(folder / "f.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(folder)  # a socket's path may have 108 bytes
        server.bind("g.jpg")
        os.chdir(here)
    for name, target in (("h.jpg", "/dev/zero"), ("i.jpg", "nothing"), ("j.jpg", "j.jpg")):
        (folder / name).symlink_to(target)
