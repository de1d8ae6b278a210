"""The schema of all settings: defaults here, then a TOML file, then a command's flags.

[camera]
source = "usb:0"

[attributes]
show = ["Smiling", "Eyeglasses"]

Unit, limits and help stand beside each field as data (`config.about`). The classes are msgspec
Structs: importing msgspec takes 0.02 s and 5 MB, pydantic 0.09 s and 21 MB.
"""

from pathlib import Path
from typing import Annotated

from ..config import Table, about, expanded, merge, read_toml
from ..errors import UsageError
from ..privacy import FACES, LEVELS, Permits, check_privacy
from .analysis import (
    AttributesSettings,
    CameraSettings,
    FacesSettings,
    PeopleSettings,
    RuntimeSettings,
    TracksSettings,
)
from .connections import MetricsSettings, MqttSettings, WebSettings
from .counts import CountsSettings
from .events import LineSettings, RuleSettings
from .files import OutputsSettings, RotationSettings
from .store import StoreSettings

__all__ = [
    "AttributesSettings",
    "CameraSettings",
    "CountsSettings",
    "FacesSettings",
    "LineSettings",
    "MetricsSettings",
    "MqttSettings",
    "OutputsSettings",
    "PeopleSettings",
    "RotationSettings",
    "RuleSettings",
    "RuntimeSettings",
    "Settings",
    "StoreSettings",
    "TracksSettings",
    "WebSettings",
    "load_settings",
]


class Settings(Table, frozen=True):
    """All settings."""

    privacy: Annotated[
        str,
        about(
            "what may be written, shown and sent about people: counts (numbers of visits in "
            "groups), visits (a row per visit, no pictures) or faces (all that other settings ask "
            "for)",
            choices=LEVELS,
            flag="--privacy LEVEL",
        ),
    ] = FACES
    camera: CameraSettings = CameraSettings()
    faces: FacesSettings = FacesSettings()
    tracks: TracksSettings = TracksSettings()
    attributes: AttributesSettings = AttributesSettings()
    runtime: RuntimeSettings = RuntimeSettings()
    people: PeopleSettings = PeopleSettings()
    outputs: OutputsSettings = OutputsSettings()
    counts: CountsSettings = CountsSettings()
    rotation: RotationSettings = RotationSettings()
    store: StoreSettings = StoreSettings()
    metrics: MetricsSettings = MetricsSettings()
    web: WebSettings = WebSettings()
    mqtt: MqttSettings = MqttSettings()
    lines: tuple[LineSettings, ...] = ()
    rules: tuple[RuleSettings, ...] = ()

    @property
    def permits(self) -> Permits:
        """What `privacy` permits."""
        return Permits(self.privacy)

    def check(self, origin: str) -> None:
        check_privacy(self, origin)
        names = [line.name for line in self.lines]
        for name in names:
            if names.count(name) > 1:
                hint = f'name = "{name} 2" in one of them'
                raise UsageError(f"{origin} two [[lines]] have the name {name}", hint)


def load_settings(path: Path | str) -> Settings:
    """Return the defaults, overlaid by a TOML file; UsageError names what is wrong in it."""
    return merge(Settings(), read_toml(expanded(path)), str(path))
