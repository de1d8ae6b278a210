"""Crossings of lines as rows of a CSV file."""

from dataclasses import replace

from device.outputs.crossing_log import CrossingLog
from device.settings import RotationSettings
from device.types import IN, OUT, Crossing
from tests.device.outputs.made_up import NOON, face, result


def test_a_row_for_each_crossing(tmp_path):
    path = tmp_path / "c.csv"
    both = (Crossing(NOON, 3, "door", IN), Crossing(NOON, 4, "=gate", OUT))
    with CrossingLog(path, RotationSettings()) as log:
        log.write(result(face(3)))
        log.write(replace(result(face(3), index=7), crossings=both))
        log.write(replace(result(face(3)), crossings=both, analyzed=False))
    assert path.read_text() == (
        "time,source,frame,track,line,direction\n"
        "2026-01-02T12:00:00.250Z,film,7,3,door,in\n"
        "2026-01-02T12:00:00.250Z,film,7,4,\\x3dgate,out\n"
    )
