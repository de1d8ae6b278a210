"""The command that is measured."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def label_command(photos: Path, out: str, workers: int, *more: str) -> list[str]:
    """Return `python -m device.label` with these words."""
    command = [sys.executable, "-m", "device.label", str(photos), "--out", out]
    return [*command, "--workers", str(workers), *more]
