"""How much memory grows over many frames of a scene, after the first tenth of them."""

from typing import Any

from device.bench.measure import measure_growth
from device.bench.scene import Scene

from .compat import default_models

SIZE_WH = (320, 240)


def main(options: dict[str, Any]) -> dict[str, Any]:
    """options: frames."""
    settings, models = default_models()
    frames = options["frames"]
    growth = measure_growth(settings, models, Scene(1, SIZE_WH, frames), frames)
    return {"growth_mb": growth["memory_growth_mb"]}
