"""The story of a fleet: a quiet time, each part killed in turn, an outage and its burst."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cameras import Plan, ids_of, name_of
from .programs import (
    ROOT,
    Broker,
    Database,
    IngestProcess,
    Network,
    Process,
    Secrets,
    set_up,
    wait_until,
)

RESEND_S = 120.0
WORKERS = 4  # processes of cameras
SETTLE_S = 150.0  # limit for what was written to be stored
DELAYS = """\
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY delay),
    percentile_cont(0.99) WITHIN GROUP (ORDER BY delay), max(delay), count(*)
FROM (SELECT extract(epoch FROM stored - last_seen)::float AS delay FROM visits
    WHERE last_seen >= to_timestamp(%s) AND last_seen < to_timestamp(%s)) AS times"""


@dataclass(frozen=True)
class Size:
    """How large and long the story is."""

    cameras: int = 1000
    every_s: float = 10.0
    quiet_s: float = 60.0
    fault_s: float = 8.0
    """How long a part that was killed stays away."""
    outage_s: float = 3600.0
    """The time without a broker for which the cameras' visits of the past stand."""
    limit_s: float = 600.0
    """After it no further step begins, and the burst is not waited for."""


@dataclass
class Findings:
    """What was measured; times in s."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


class Story:
    """The programs of a fleet in a folder; `tell` runs the story."""

    def __init__(self, folder: Path, size: Size, say: Callable[[str], None]):
        self._folder, self._size, self._say = folder, size, say
        # Each camera has a card of its own, and here one disk would serve all: so, in memory.
        memory = Path("/dev/shm")
        shared = memory if os.access(memory, os.W_OK) else folder
        self._cards = shared / f"facet-fleet-{os.getpid()}"
        self._control = folder / "control"
        self.keys = Secrets(folder / "secrets")
        self.names = [name_of(number) for number in range(size.cameras)]
        self.keys.add_cameras(self.names)
        self.broker = Broker(folder, self.keys)
        self.database = Database(folder)
        self.network = Network(folder, self.broker.port)
        self.ingest = IngestProcess(folder, self.keys, self.broker.port, self.database.dsn)
        self._workers: list[Process] = []
        self.findings = Findings()
        self._begun_s = time.monotonic()

    @property
    def _programs(self) -> list[Process]:
        return [*self._workers, self.ingest, self.network, self.broker, self.database]

    def close(self) -> None:
        for one in self._programs:
            if one is self.database:
                one.stop(signal.SIGQUIT)  # it takes its shared memory with it
            else:
                one.kill()
        shutil.rmtree(self._cards, ignore_errors=True)

    def tell(self) -> Findings:
        self._start()
        self._quiet()
        faults: list[tuple[str, Callable[[], None], Callable[[], None]]] = [
            ("ingest killed (kill -9)", self.ingest.kill, self.ingest.start),
            ("database killed (kill -9)", self.database.kill, self.database.start),
            ("network frozen", self.network.freeze, self.network.thaw),
            ("network cut", self.network.kill, self.network.start),
            ("broker killed (kill -9)", self.broker.kill, self.broker.start),
        ]
        for title, strike, mend in faults:
            self._fault(title, strike, mend)
        self._burst()
        self._end()
        return self.findings

    def _start(self) -> None:
        self._control.mkdir()
        self._cards.mkdir()
        with self._step("start: broker, database, ingest and cameras"):
            self.database.start()
            self.database.create()
            set_up(self.database)
            self.broker.start()
            self.ingest.start()  # first: the broker keeps messages for clients that it knows
            self.network.start()
            plan = Plan(
                str(self._cards),
                str(self.keys.folder),
                self.network.port,
                self._size.every_s,
                RESEND_S,
                str(self._control),
            )
            plan.write(self._folder / "plan.json")
            share = -(-self._size.cameras // WORKERS)
            for first in range(0, self._size.cameras, share):
                count = min(share, self._size.cameras - first)
                words = [sys.executable, "-m", "tests.fleet.cameras", self._folder / "plan.json"]
                worker = Process(f"cameras-{first}", self._folder, [*words, first, count], cwd=ROOT)
                worker.start()
                self._workers.append(worker)
            wait_until(lambda: self._online() == self._size.cameras, "all online", SETTLE_S)
            # A broker that is killed before its first save has forgotten the ingest, and takes
            # visits for nobody until the ingest is back. A short story would kill it so early.
            self.broker.save()

    def _quiet(self) -> None:
        """Nothing fails: delay, and what the servers cost."""
        with self._step("nothing fails"):
            time.sleep(min(5.0, self._size.every_s))  # what the start has left
            servers = {"broker": self.broker, "database": self.database, "ingest": self.ingest}
            before = {name: one.cpu_s() for name, one in servers.items()}
            since, began_s = time.time(), time.monotonic()
            time.sleep(self._size.quiet_s)
            until, took_s = time.time(), time.monotonic() - began_s
            figures = self.findings.figures
            for name, one in servers.items():
                share = 100 * (one.cpu_s() - before[name]) / took_s
                figures[f"{name}_cpu_percent"] = round(share, 2)
                figures[f"{name}_memory_mb"] = round(one.memory_mb(), 1)
            self._settle()
            p50, p99, most, count = self.database.ask(DELAYS, since, until)[0]
            figures |= {"quiet_visits_per_s": round(count / took_s, 1)}
            figures |= {"quiet_p50_s": round(p50, 3), "quiet_p99_s": round(p99, 3)}
            figures["quiet_max_s"] = round(most, 3)

    def _fault(self, title: str, strike: Callable[[], None], mend: Callable[[], None]) -> None:
        if self._spent_s > self._size.limit_s / 2:
            self._skip(title)
            return
        with self._step(title) as step:
            since = time.time()
            strike()
            time.sleep(self._size.fault_s)
            mend()
            mended = time.time()
            self._settle()
            step["back_s"] = round(time.time() - mended, 1)
            step["p99_s"] = round(self.database.ask(DELAYS, since, mended)[0][1] or 0, 2)

    def _burst(self) -> None:
        """The broker is away for what stands for an hour, and is killed once more in the burst."""
        waiting = round(self._size.outage_s / self._size.every_s)
        with self._step(f"outage of {self._size.outage_s:.0f} s, then all at once") as step:
            before = self._stored()
            self.broker.stop()
            (self._control / "backlog.new").write_text(str(waiting))
            (self._control / "backlog.new").rename(self._control / "backlog")
            time.sleep(self._size.fault_s)
            self.broker.start()
            began_s = time.monotonic()
            goal = before + waiting * self._size.cameras
            wait_until(
                lambda: self._stored() > before + waiting * self._size.cameras / 3, "third", 600
            )
            self.findings.figures["broker_burst_memory_mb"] = round(self.broker.memory_mb(), 1)
            self.broker.kill()
            self.broker.start()
            left_s = max(60.0, self._size.limit_s - self._spent_s)
            wait_until(lambda: self._stored() >= goal, "the burst is stored", left_s)
            took_s = time.monotonic() - began_s
            rate = (self._stored() - before) / took_s
            step["back_s"] = round(took_s, 1)
            normal = self._size.cameras / self._size.every_s
            self.findings.figures |= {
                "burst_visits": waiting * self._size.cameras,
                "burst_s": round(took_s, 1),
                "burst_visits_per_s": round(rate),
                "burst_times_normal": round(rate / normal, 1),
            }

    def _end(self) -> None:
        """All cameras end; every visit of their files must be one row."""
        with self._step("end: every visit of the cameras' files is compared with the rows") as step:
            # Each for itself: who waits to connect again would end with visits in its file.
            wait_until(self._each_is_stored, "the visits of each camera are stored", SETTLE_S)
            (self._control / "stop").touch()
            for worker in self._workers:
                wait_until(lambda one=worker: not one.running, "cameras end", 120)  # type: ignore[misc]
            expected: set[str] = set()
            written = 0
            for name in self.names:
                ids = ids_of(self._cards / name / "visits.csv", name)
                expected.update(ids)
                (self._folder / "ids").mkdir(exist_ok=True)
                (self._folder / "ids" / name).write_text("\n".join(ids))
                written += len(ids)
            with contextlib.suppress(AssertionError):
                wait_until(lambda: self._stored() >= written, "all stored", SETTLE_S)
            rows = [one for (one,) in self.database.ask("SELECT id FROM visits")]
            hours = self.database.ask("SELECT sum(visits) FROM hours")[0][0]
            letters = self.database.ask("SELECT count(*) FROM dead_letters")[0][0]
            found = {
                "written": written,
                "rows": len(rows),
                "lost": len(expected - set(rows)),
                "doubled": len(rows) - len(set(rows)),
                "foreign": len(set(rows) - expected),
                "in_hours": int(hours),
                "refused": letters,
            }
            self.findings.figures |= found
            (self._folder / "lost.txt").write_text("\n".join(sorted(expected - set(rows))))
            self._measure_disk(len(rows))
            step["found"] = ", ".join(f"{name} {value:,}" for name, value in found.items())

    def _measure_disk(self, rows: int) -> None:
        self.database.ask("VACUUM FULL visits, hours")
        tables = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname ~ %s"
        size = int(self.database.ask(tables, "^(visits(_[0-9_a-z]+)?|hours)$")[0][0])
        day = self._size.cameras / self._size.every_s * 86400
        self.findings.figures["bytes_per_visit"] = round(size / rows)
        self.findings.figures["gigabytes_per_day"] = round(size / rows * day / 1e9, 2)

    @property
    def _spent_s(self) -> float:
        return time.monotonic() - self._begun_s

    @contextlib.contextmanager
    def _step(self, title: str) -> Iterator[dict[str, Any]]:
        began_s = time.monotonic()
        step: dict[str, Any] = {"step": title}
        yield step
        step["took_s"] = round(time.monotonic() - began_s, 1)
        self.findings.steps.append(step)
        self._say(", ".join(f"{name} {value}" for name, value in step.items()))

    def _skip(self, title: str) -> None:
        self.findings.steps.append({"step": title, "not_run": "no time left"})
        self._say(f"not run, no time left: {title}")

    def _online(self) -> int:
        return int(self.database.ask("SELECT count(*) FROM cameras WHERE online")[0][0])

    def _stored(self) -> int:
        """Return the number of visits, by the table of hours, which is quick to ask."""
        return int(self.database.ask("SELECT coalesce(sum(visits), 0) FROM hours")[0][0])

    def _written(self) -> int:
        """Return the number of visits in the cameras' files."""
        files = (self._cards / name / "visits.csv" for name in self.names)
        return sum(path.read_bytes().count(b"\n") - 1 for path in files)

    def _each_is_stored(self) -> bool:
        """Return whether each camera's visits are rows, but for one that may be on its way."""
        counted = "SELECT camera, sum(visits) FROM hours GROUP BY camera"
        stored = {camera: int(visits) for camera, visits in self.database.ask(counted)}
        files = {name: self._cards / name / "visits.csv" for name in self.names}
        return all(
            stored.get(name, 0) >= path.read_bytes().count(b"\n") - 2
            for name, path in files.items()
        )

    def _settle(self) -> None:
        """Wait until the visits that exist now are stored."""
        written = self._written()
        wait_until(lambda: self._stored() >= written, f"{written} visits are stored", SETTLE_S)
