"""Time from the start of a run of the demo clip, as a process, to its first labelled face."""

import time
from typing import Any

from .device_run import run_device


class FirstLabel:
    """An output that notes when the first face with labels came, s on the monotonic clock."""

    def __init__(self) -> None:
        self.at_s: float | None = None

    def __enter__(self) -> "FirstLabel":
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def write(self, result: Any) -> None:
        if self.at_s is None and any(face.labels for face in result.faces):
            self.at_s = time.monotonic()


def main(options: dict[str, Any]) -> dict[str, Any]:
    """options: frames; folder, for the log; spawned_s, monotonic, when the process was started."""
    output, log = FirstLabel(), f"{options['folder']}/start.csv"
    frames = options["frames"]
    run_device(
        ["--camera", "demo", "--headless", "--max-frames", str(frames), "--log", log], output
    )
    if output.at_s is None:
        raise RuntimeError(f"no face has a label within {frames} frames")
    return {"first_label_s": output.at_s - options["spawned_s"]}
