"""Simulated cameras: the visits file, its reader and the connection are those of the device.

    python -m tests.fleet.cameras plan.json 0 250

One process with a thread for each of cameras 0 to 249 of the plan. Each writes a visit every
`every_s` into a file of its own and sends what the file has, as a camera does; the plan's file
`backlog` says how many visits of the past each has to write at once, `stop` that it ends.
"""

from __future__ import annotations

import csv
import json
import random
import sys
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from device import __version__
from device.errors import SourceError
from device.mqtt import messages
from device.mqtt.access import Access, access_of
from device.mqtt.connection import BrokerConnection, BrokerError
from device.mqtt.messages import Message
from device.mqtt.topics import OFFLINE, ONLINE, Topics
from device.mqtt.visits import VisitSender
from device.outputs.visit_id import visit_id
from device.rowlog.tail import RowTail
from device.settings import MqttSettings

# As a chain of shops would choose them.
THRESHOLDS = {"Smiling": 0.5, "Eyeglasses": 0.5, "Wearing_Hat": 0.5, "Young": 0.5, "Male": 0.5}
COLUMNS = ("first_seen", "last_seen", "source", "track", "dwell_s", "frames_classified")
BACKOFF_S = (1.0, 2.0, 4.0, 8.0)  # the device's own goes on to 60 s
DRAIN_S = 40.0  # after the stop, for what the file still has
MODEL = "0123456789ab"


@dataclass(frozen=True)
class Plan:
    """What all cameras share."""

    folder: str
    """Of the cameras' files."""
    secrets: str
    port: int
    every_s: float
    resend_s: float
    control: str
    """Folder with the files `backlog` and `stop`."""

    @classmethod
    def read(cls, path: Path) -> Plan:
        return cls(**json.loads(path.read_text()))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))


def name_of(number: int) -> str:
    return f"camera-{number:05}"


class VisitsFile:
    """The visits file of a camera."""

    def __init__(self, path: Path, camera: str):
        self.path, self._camera = path, camera
        self._random = random.Random(camera)
        self._track = 0
        self._file = path.open("a", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow([*COLUMNS, *THRESHOLDS])
        self._file.flush()

    def add(self, ends: list[datetime]) -> None:
        """Write visits that ended at these times."""
        for end in ends:
            self._track += 1
            dwell_s = round(self._random.uniform(2, 60), 1)
            probabilities = [f"{self._random.random():.3f}" for _ in THRESHOLDS]
            begin = end - timedelta(seconds=dwell_s)
            times = (moment.isoformat(timespec="milliseconds") for moment in (begin, end))
            self._writer.writerow([*times, "cam0", self._track, dwell_s, 80, *probabilities])
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def ids_of(path: Path, camera: str) -> list[str]:
    """Return the ids of all visits of a file, as their messages have them."""
    with path.open(newline="") as file:
        return [visit_id(row, camera) for row in csv.DictReader(file)]


class Camera:
    """One camera, in a thread."""

    def __init__(self, number: int, plan: Plan, access: Access, stop: threading.Event):
        self.name = name_of(number)
        self._plan, self._access, self._stop = plan, access, stop
        folder = Path(plan.folder) / self.name
        folder.mkdir(parents=True)
        self._visits = VisitsFile(folder / "visits.csv", self.name)
        tail = RowTail(self._visits.path, folder / "visits.csv.mqtt")
        self._topics = Topics(self.name, "")
        self._sender = VisitSender(
            tail,
            self._topics.visit,
            lambda row: messages.visit(row, self.name, THRESHOLDS, False),
            lambda line: None,
            plan.resend_s,
        )
        self._due_s = time.monotonic() + random.uniform(0, plan.every_s)
        self._backlog = 0  # how many visits of the past are written
        self._drained = False
        self._end_s = 0.0  # when it ends without

    def run(self) -> None:
        failures = 0
        while not (self._drained or self._gave_up()):
            try:
                self._connect()
                failures = 0
            except BrokerError:
                pause_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)] * random.uniform(0.5, 1.0)
                failures += 1
                end_s = time.monotonic() + pause_s
                while not self._stop.is_set() and time.monotonic() < end_s:
                    self._write_due()
                    self._stop.wait(min(1.0, pause_s))
                time.sleep(0.1)
        self._visits.close()

    def _gave_up(self) -> bool:
        if not self._stop.is_set():
            self._end_s = time.monotonic() + DRAIN_S
        return time.monotonic() > self._end_s

    def _connect(self) -> None:
        will = Message(self._topics.status, OFFLINE.encode(), retain=True)
        broker = BrokerConnection(self._access, self._topics.client_id, will, time.monotonic)
        try:
            broker.open(self._gave_up)
            run = messages.as_json(
                {"number": 1, "token": "0", "version": __version__, "model": MODEL}
            )
            broker.publish(Message(self._topics.run, run, retain=True))
            broker.publish(Message(self._topics.status, ONLINE.encode(), retain=True))
            self._sender.begin()
            while not self._stop.is_set():
                if self._write_due():
                    for people in (1, 0):  # who is in view changes twice for each visit
                        state = {"people": people, "occupied": bool(people), "visits_today": 1}
                        payload = messages.as_json({**state, "attributes": {}})
                        broker.publish(Message(self._topics.state, payload, retain=True))
                self._sender.send(broker, time.monotonic())
                broker.loop(max(0.0, min(1.0, self._due_s - time.monotonic())))
            self._drain(broker)
        finally:
            broker.close()
            self._sender.save(time.monotonic(), at_once=True)

    def _drain(self, broker: BrokerConnection) -> None:
        while not self._gave_up():
            self._sender.send(broker, time.monotonic())
            if not self._sender.waiting:
                self._drained = True
                break
            broker.loop(0.1)

    def _write_due(self) -> bool:
        """Write the visits that are due; return whether one has ended now."""
        now = datetime.now(UTC)
        backlog = _backlog(self._plan.control)
        if missing := backlog - self._backlog:
            self._backlog = backlog
            ends = (now - timedelta(seconds=self._plan.every_s * k) for k in range(missing, 0, -1))
            self._visits.add(list(ends))
        if time.monotonic() < self._due_s:
            return False
        self._due_s = max(self._due_s + self._plan.every_s, time.monotonic())
        self._visits.add([now])
        return True


_read: tuple[float, int] = (0.0, 0)  # when, and the number


def _backlog(control: str) -> int:
    """Return how many visits of the past each camera has; a file that is read twice a second."""
    global _read
    if time.monotonic() - _read[0] > 0.5:
        try:
            _read = time.monotonic(), int((Path(control) / "backlog").read_text() or 0)
        except (OSError, ValueError):
            _read = time.monotonic(), 0
    return _read[1]


def main() -> None:
    plan, first, count = Plan.read(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    secrets, stop = Path(plan.secrets), threading.Event()
    threading.stack_size(512 * 1024)
    shared = access_of(MqttSettings(host="127.0.0.1", tls=True, ca_file=secrets / "ca.crt")).tls
    threads = []
    for number in range(first, first + count):
        name = name_of(number)
        path = secrets / "cameras" / f"{name}.password"
        if not path.is_file():
            raise SourceError(f"no password of {name}", "keys.sh camera")
        access = Access("127.0.0.1", plan.port, name, path.read_text().strip(), shared)
        thread = threading.Thread(target=Camera(number, plan, access, stop).run, name=name)
        thread.start()
        threads.append(thread)
        time.sleep(0.01)  # a fleet does not start at once
    while not (Path(plan.control) / "stop").exists():
        time.sleep(0.5)
    stop.set()
    for thread in threads:
        thread.join(60)


if __name__ == "__main__":
    main()
