"""The window loses its screen, and a recording its process."""

import shutil
import time
from itertools import cycle, islice

from tests.device.outputs.test_video import times_in
from tests.device.screen import NEEDED, own_x_server, windows
from tests.faults.fault import Bench, Missing, Outcome
from tests.faults.logs import lost, read_log
from tests.faults.scenery import film
from tests.faults.victim import Facet, flags

ENDINGS = ("mp4", "avi", "mkv", "mov")  # the first two by each of the encoders
FPS = 25  # of the film
LAST_S = 3.0  # of a recording that a kill may take: a fragment, or the 256 kB of a buffer
FRAMES = 400  # of the film before the window, 16 s: more than a window takes to open


def window_killed(bench: Bench) -> Outcome:
    """Kill the X server of a run that shows, logs and records."""
    if not all(map(shutil.which, NEEDED)):
        raise Missing(f"needs {', '.join(NEEDED)}")
    clip = film(bench.folder, FRAMES)
    codes, rows, frames, visits, lines = set(), 0, 0, 0, 0
    for trial in range(bench.trials):
        folder = bench.folder / str(trial)
        folder.mkdir()
        log, video = folder / "faces.csv", folder / "out.mkv"
        outputs = ("--events", folder / "visits.csv", "--record", video)
        shown = [flag for flag in flags(clip, log) if flag != "--headless"]
        with (
            own_x_server() as (server, display),
            Facet(folder, *shown, *outputs, DISPLAY=display) as facet,
        ):
            facet.wait_until(lambda display=display: bool(windows(display)), "a window")
            facet.wait_for_row()
            time.sleep(bench.rng.uniform(0, 0.5))
            server.kill()
            codes.add(facet.end())
            lines += "the window is gone" in facet.stderr()
            reported = facet.reported()
        rows += len(reported) - lost(reported, time.monotonic(), read_log(log).keys).rows
        visits += (folder / "visits.csv").read_text().count("\n") - 1
        frames += len(times_in(video)[0]) if video.exists() else 0
    total = bench.trials * FRAMES
    return Outcome(
        "the run goes on to its end and says so: every frame recorded, every visit closed",
        f"{lines} of {bench.trials} lines; {rows} rows; {frames} of {total} frames recorded; "
        f"{visits} of {bench.trials} visits; exit codes {', '.join(map(str, codes))}",
        (codes, lines, visits, frames) == ({0}, bench.trials, bench.trials, total)
        and rows > total - FRAMES // 10 * bench.trials,
    )


def recording_killed(bench: Bench) -> Outcome:
    """Kill -9 a run that records, with each ending in turn."""
    clip = film(bench.folder)
    worst_s, unplayable, played = 0.0, 0, 0
    for trial, suffix in enumerate(islice(cycle(ENDINGS), bench.trials)):
        folder = bench.folder / str(trial)
        folder.mkdir()
        video = folder / f"out.{suffix}"
        arguments = (*flags(clip, folder / "faces.csv"), "--record", video)
        with Facet(folder, *arguments) as facet:
            facet.wait_for_row(2 * round(LAST_S * FPS))
            time.sleep(bench.rng.uniform(0, 0.5))
            facet.kill()
            last_frame = int(facet.reported()[-1].key[1])
        kept = len(times_in(video)[0])
        played += kept
        unplayable += not kept
        worst_s = max(worst_s, (last_frame + 1 - kept) / FPS)
    return Outcome(
        f"each video plays up to its last {LAST_S:g} s ({', '.join(ENDINGS)})",
        f"{unplayable} of {bench.trials} do not play; {played} frames play; "
        f"at most {worst_s:.1f} s missing",
        not unplayable and worst_s <= LAST_S,
    )
