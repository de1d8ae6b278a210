"""Many frames at full speed: what the process holds at the end and held at the start."""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.faults.fault import Bench, Outcome
from tests.faults.logs import read_log
from tests.faults.scenery import visits
from tests.faults.systemd import Supervisor
from tests.faults.victim import Facet, flags, handles, settings

MOST_MB = 3.0
EARLY = (0.05, 0.15)  # shares of the run; the memory of stage times fills in the first 2 %
LATE = (0.85, 0.95)  # not while it ends


@dataclass(frozen=True)
class Sample:
    """What a process holds at one time."""

    rss_mb: float  # resident memory
    files: int
    threads: int


def full_speed(bench: Bench) -> Outcome:
    """Run the command on one long film with rows, visits, rotation, journal and watchdog."""
    clip = visits(bench.folder / "long.mp4", bench.trials)
    visits_log = f"events = '{bench.folder}/visits.csv'"
    lines = ("[outputs]", "status_every = 1", visits_log, "[rotation]", "max_mb = 0.2")
    lines += ("[tracks]", "max_lost_s = 0.1")  # of the video's time, which runs fast
    config = settings(bench.folder, *lines)
    log = bench.folder / "faces.csv"
    samples: list[Sample] = []

    def start(notify: dict[str, str]) -> Facet:
        return Facet(bench.folder, *flags(clip, log, config), **notify)

    begun = time.monotonic()
    with Supervisor(bench.folder, start, 30.0) as systemd:
        facet = systemd.facet
        while facet.process.poll() is None:
            sample = _sample(facet)
            samples += [sample] if sample else []
            time.sleep(0.05)
        code = facet.process.returncode
    took_s = time.monotonic() - begun
    early, late = _part(samples, EARLY), _part(samples, LATE)
    assert code == 0 and early and late, (code, len(samples), facet.stderr()[-300:])
    grown = {
        what: median(getattr(one, what) for one in late)
        - median(getattr(one, what) for one in early)
        for what in ("rss_mb", "files", "threads")
    }
    found = read_log(log)
    last = int(found.rows[-1]["frame"])
    return Outcome(
        f"at most {MOST_MB:g} MB more, no file handle or thread more",
        f"{grown['rss_mb']:+.1f} MB ({late[-1].rss_mb:.0f} MB), {grown['files']:+.0f} files, "
        f"{grown['threads']:+.0f} threads; {bench.trials / took_s:.0f} frames/s, "
        f"{len(found.rows)} rows, {found.broken} broken",
        grown["rss_mb"] <= MOST_MB
        and grown["files"] <= 0
        and grown["threads"] <= 0
        and not found.broken
        and last >= bench.trials - 1000,
    )


def _sample(facet: Facet) -> Sample | None:
    """Return what the process holds now; None if it has just ended or has reported no row yet."""
    if not facet.has_rows():
        return None
    try:
        status = Path(f"/proc/{facet.pid}/status").read_text()
        files, threads = handles(facet.pid)
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    except (OSError, StopIteration):
        return None
    return Sample(int(resident.split()[1]) / 1000, files, threads)


def _part(samples: list[Sample], share: tuple[float, float]) -> list[Sample]:
    first, last = (int(one * len(samples)) for one in share)
    return samples[first : max(first + 1, last)]
