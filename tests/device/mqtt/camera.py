"""A camera made by hand that sends to a broker, wired as device.run wires it."""

import contextlib
import itertools
from dataclasses import replace
from pathlib import Path

from device.attributes.model_card import Attribute, ModelCard
from device.mqtt.session import Clocks
from device.mqtt.start import open_mqtt
from device.outputs.counts_log import CountsLog
from device.outputs.live import LiveRun, LiveState
from device.outputs.visit_log import VisitLog
from device.rules.runner import open_rules
from device.settings import (
    CountsSettings,
    LineSettings,
    MqttSettings,
    OutputsSettings,
    PeopleSettings,
    RotationSettings,
    RuleSettings,
    Settings,
)
from device.stopwatch import Stopwatch
from device.types import IN, Crossing, Line, LineCount
from tests.device.outputs.made_up import NAMES, face, result

THRESHOLDS = {"Bald": 0.5, "Smiling": 0.5}
CARD = ModelCard(
    file="none.tflite",
    sha256="a1" * 32,
    crop_wh=(64, 64),
    template=(),
    attributes=tuple(Attribute(name, THRESHOLDS[name], 1.0, 0.0, 0.1) for name in NAMES),
    training={},
    measured={},
)
PLAIN = RotationSettings()
QUICK = Clocks(chance=lambda: 0.5, backoff_s=(0.1, 0.2), temperature_c=lambda: 51.4)


class Camera:
    """A run whose frames a test writes; its visits are in visits.csv of the folder.

    first: number of its first frame, a tenth of a second each: a later run has a higher one.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        id: str = "cam",
        clocks: Clocks = QUICK,
        recognition: bool = False,
        rotation: RotationSettings = PLAIN,
        first: int = 0,
        lines: tuple[LineSettings, ...] = (),
        rules: tuple[RuleSettings, ...] = (),
        privacy: str = "faces",
        **mqtt,
    ):
        mqtt = {"numbers_s": 1.0, "hold_s": 0.0} | mqtt
        self.visits, self.counts = folder / "visits.csv", folder / "counts.csv"
        counted = CountsSettings(file=self.counts, minutes=15, min_group=3, hold=0.0)
        self.settings = Settings(
            privacy=privacy,
            counts=counted if privacy == "counts" else CountsSettings(),
            mqtt=MqttSettings(host="127.0.0.1", port=port, id=id, **mqtt),
            outputs=OutputsSettings(events=self.visits),
            people=PeopleSettings(enabled=recognition),
            rotation=rotation,
            lines=lines,
            rules=rules,
        )
        self._sums = {line.name: LineCount(Line(line.name, line.from_, line.to)) for line in lines}
        self.reconnecting = False
        self._clocks, self._named = clocks, recognition
        self._frames, self._tracks = itertools.count(first), itertools.count(1)

    def __enter__(self) -> "Camera":
        with contextlib.ExitStack() as stack:
            connections = stack.enter_context(contextlib.ExitStack())
            only_counts = self.settings.privacy == "counts"
            self._log = stack.enter_context(self._open_counts() if only_counts else self._open())
            self.state = LiveState(THRESHOLDS, 1.0)
            live = LiveRun(
                self.settings,
                self.state,
                CARD,
                NAMES,
                "usb:0",
                None,
                None if only_counts else self.visits,
                Stopwatch(),
                lambda: 0,
                lambda: self.reconnecting,
                counts=self.counts if only_counts else None,
            )
            self.publish = connections.enter_context(open_mqtt(live, self._clocks))
            if self.settings.rules:
                self.rules = open_rules(live, connections, self.publish)
            connections.enter_context(self.state)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.__exit__(*exc)

    def _open(self) -> VisitLog:
        return VisitLog(self.visits, NAMES, THRESHOLDS, 1.0, self.settings.rotation, self._named)

    def _open_counts(self) -> CountsLog:
        chosen, rotation = self.settings.counts, self.settings.rotation
        return CountsLog(self.counts, chosen, THRESHOLDS, 1.0, "usb:0", "", rotation)

    def see(self, *faces, fps: float = 25.0) -> None:
        """Write one frame, a tenth of a second after the one before."""
        index = next(self._frames)
        one = result(*faces, seconds=0.1 * index, index=index, fps=fps)
        self._log.write(one)
        self.state.write(one)

    def cross(self, line: str, direction: str, track: int = 99) -> None:
        """Let a face cross a line."""
        index, sums = next(self._frames), self._sums[line]
        one = result(face(track), seconds=0.1 * index, index=index)
        changed = {"ins": sums.ins + 1} if direction == IN else {"outs": sums.outs + 1}
        self._sums[line] = replace(sums, **changed)
        crossing = Crossing(one.frame.time, track, line, direction)
        one = replace(one, crossings=(crossing,), lines=tuple(self._sums.values()))
        self._log.write(one)
        self.state.write(one)

    def visit(self, count: int = 1, values=(0.25, 0.75), **options) -> None:
        """Let people come and go, one after the other."""
        for _ in range(count):
            self.see(face(next(self._tracks), values=values, **options))
            for _ in range(12):  # max_lost_s is 1.0
                self.see()
