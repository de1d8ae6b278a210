"""What probes use of a checkout's `device` that may differ between commits.

Since commit fabf0ad nothing of it has changed its name. Whole runs are in `device_run`.
"""

import importlib
from typing import Any

from device.camera.newest_frame import NewestFrameReader
from device.camera.reconnect import ReconnectingCamera
from device.config import merge
from device.models import Models, load_models
from device.pipeline import Pipeline, build_pipeline
from device.settings import Settings

from .paced import PacedDevice


def interpreter_class() -> Any:
    """Return the class of the installed TFLite runtime, through which every network runs."""
    try:
        return importlib.import_module("ai_edge_litert.interpreter").Interpreter
    except ImportError:
        return importlib.import_module("tflite_runtime.interpreter").Interpreter


def default_models(max_frames: int = 0) -> tuple[Settings, Models]:
    """Return the default settings, of runs that end after so many frames, and their networks."""
    settings = merge(Settings(), {"outputs": {"max_frames": max_frames}}, "bench")
    return settings, load_models(settings)


def live_camera(device: PacedDevice, settings: Settings) -> NewestFrameReader:
    """Return the device as a live camera, as `open_camera` does for one that is plugged in."""
    return NewestFrameReader(ReconnectingCamera(device, frozen_s=settings.camera.frozen_s))


def analyze(settings: Settings, models: Models, camera: Any) -> Pipeline:
    """Return the pipeline, with its totals and stopwatch, after it has analyzed all frames."""
    pipeline = build_pipeline(settings, models, camera)
    for _ in pipeline:
        pass
    return pipeline
