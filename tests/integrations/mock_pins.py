"""gpiozero's mock pins, which also write down when they are switched.

Facet runs in a process of its own, so nothing else could tell what its pins do.
"""

import os
from pathlib import Path

from gpiozero.pins.mock import MockFactory, MockPin

FILE = "FACET_MOCK_PINS"  # in the environment: the file that gets a line for each change
NAME = "written"


class WrittenPin(MockPin):
    """A pin that writes "GPIO17 1" and "GPIO17 0"."""

    def _set_state(self, value: float) -> None:
        changes = self._state != bool(value)
        super()._set_state(value)
        if changes:
            with open(os.environ[FILE], "a") as file:
                file.write(f"{self.info.name} {int(bool(value))}\n")


class WrittenFactory(MockFactory):
    """Makes such pins; gpiozero finds it by the name of GPIOZERO_PIN_FACTORY."""

    def __init__(self) -> None:
        super().__init__(pin_class=WrittenPin)


def environment(folder: Path, pins: Path) -> dict[str, str]:
    """Return the variables with which gpiozero uses the factory.

    folder: gets the description of a package that names it. pins: the file of changes.
    """
    described = folder / "facet_story-0.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: facet-story\nVersion: 0\n")
    (described / "entry_points.txt").write_text(
        f"[gpiozero_pin_factories]\n{NAME} = {__name__}:{WrittenFactory.__name__}\n"
    )
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    return {"PYTHONPATH": path, "GPIOZERO_PIN_FACTORY": NAME, FILE: str(pins)}
