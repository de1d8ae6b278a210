"""The most memory that a headless run takes."""

import re
from pathlib import Path
from typing import Any

from .device_run import run_device


def main(options: dict[str, Any]) -> dict[str, Any]:
    """options: camera, as device.run takes it, or None for the photo; folder, for the log."""
    log = f"{options['folder']}/memory.csv"
    camera = options["camera"] or options["photo"]
    run_device(["--camera", camera, "--headless", "--log", log])
    # Not getrusage: its maximum is that of the process that started this one, if that was larger.
    peak = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    if not peak:
        raise RuntimeError("the system does not say how much memory was held")
    return {"peak_mb": int(peak[1]) / 1024}
