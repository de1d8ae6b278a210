"""Make the pictures of the web page in docs/: desk and phone, light and dark.

    python -m scripts.web_pictures           # takes 1 minute; needs Debian's package chromium

Starts a run with the demo clip and its page, looks at it with Chromium (scripts/chromium.py), and
writes docs/web-desk-light.jpg and three more. The visits before the run are made up.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scripts.chromium import Chromium, Page

ROOT = Path(__file__).parents[1]
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
# Visits that began in each of the last 24 hours.
VISITS = (0, 0, 1, 0, 0, 0, 2, 6, 9, 4, 3, 5, 8, 6, 3, 2, 4, 7, 11, 8, 5, 3, 2, 1)
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
}
QUALITY = 78  # of JPEG: clear letters, and less than 150 kB
HEADER = "first_seen,last_seen,source,track,dwell_s,frames_classified"
CONFIG = '[camera]\nsource = "demo"\n[outputs]\nheadless = true\nevents = "visits.csv"\n'

# The clip's third shot has two faces; by then everything else has been loaded.
READY = (
    "document.body.dataset.link === 'live' && document.querySelector('#chart svg') "
    "&& document.querySelector('#checks li, #passed:not([hidden])') "
    "&& document.querySelectorAll('.person').length === 2 "
    "&& !document.querySelector('.person:is(.gone, :not(:has(.fill)))') "
    "&& document.getElementById('picture').naturalWidth > 0"
)


def write_visits(file: Path, now: datetime) -> None:
    """Write a visits file with the visits of the last day."""
    rows = [HEADER]
    for back, count in enumerate(reversed(VISITS)):
        for number in range(count):
            begin = (now - timedelta(hours=back)).replace(minute=0, second=number)
            if begin < now:
                rows.append(f"{begin:%Y-%m-%dT%H:%M:%S.000Z},,demo,{number + 1},4.0,20")
    file.write_text("\n".join([*rows, ""]))


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Run the demo clip in a folder until it is left; return the address of its page."""
    (folder / "facet.toml").write_text(CONFIG)
    write_visits(folder / "visits.csv", datetime.now(UTC))
    command = [sys.executable, "-m", "device.run", "--config", "facet.toml"]
    with subprocess.Popen(
        [*command, "--web", "127.0.0.1:0"],
        cwd=folder,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        said = []
        try:
            for line in process.stderr:
                said.append(line)
                if found := re.search(r"web page: (http://[\d.:]+)", line):
                    yield f"{found[1]}/"
                    return
            raise RuntimeError("".join(said))
        finally:
            process.terminate()


def settled(page: Page) -> None:
    """Wait until the page shows two faces with their bars, and all else that it has."""
    while True:
        page.until(READY)
        page.rest(1.2)  # the bars move to their lengths
        if page.evaluate(READY):
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder of the pictures")
    folder = parser.parse_args().out
    with (
        tempfile.TemporaryDirectory(prefix="facet-page-") as place,
        served(Path(place)) as address,
        Chromium() as browser,
    ):
        for device, size in SIZES.items():
            for theme in ("light", "dark"):
                page = browser.page(*size, dark=theme == "dark")
                page.open(address)
                settled(page)
                file = folder / f"web-{device}-{theme}.jpg"
                file.write_bytes(page.screenshot(format="jpeg", quality=QUALITY))
                print(f"{file}: {file.stat().st_size / 1000:.0f} kB")
                for complaint in page.complaints:
                    print(f"  the browser complains: {complaint}")
                page.close()


if __name__ == "__main__":
    main()
