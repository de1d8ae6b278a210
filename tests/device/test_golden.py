"""Every row of the demo clip, to the last digit, as they were when golden/demo.csv was written.

A change of what Facet computes shows here first. Where it is wanted, write the file anew:

    python -m device.run --camera demo --headless --attributes all --log-every 0 --log demo.csv
    cut -d, -f2- demo.csv > tests/device/golden/demo.csv      # without the time
"""

import contextlib
import csv
from pathlib import Path

import pytest

from device.camera.demo import Demo
from device.models import load_models
from device.outputs.csv_log import CsvLog
from device.pipeline import build_pipeline
from device.settings import RotationSettings, Settings
from device.tflite import runtime_name

GOLDEN = Path(__file__).parent / "golden" / "demo.csv"


def read_rows(path):
    with path.open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "time"} for row in csv.DictReader(file)]


@pytest.mark.skipif(
    not runtime_name().startswith("ai-edge-litert"),
    reason=f"the rows were written with ai-edge-litert, {runtime_name()} rounds differently",
)
def test_the_demo_gives_the_golden_rows(tmp_path):
    settings, log = Settings(), tmp_path / "demo.csv"
    models = load_models(settings)
    names = models.classifier.card.names
    with contextlib.ExitStack() as stack:
        camera = stack.enter_context(Demo())
        output = stack.enter_context(CsvLog(log, names, 0.0, RotationSettings()))
        for result in build_pipeline(settings, models, camera):
            output.write(result)
    rows, golden = read_rows(log), read_rows(GOLDEN)
    assert len(rows) == len(golden) and rows[0].keys() == golden[0].keys()
    for row, expected in zip(rows, golden, strict=True):
        assert row == expected
