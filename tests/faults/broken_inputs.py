"""Facet that trusts models, files, cameras and folders. Each function breaks this process."""

from __future__ import annotations

import contextlib
import io
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.mutant import replace


def reloaded_model() -> None:
    from device.attributes.classifier import Classifier

    def remember(before: Callable[..., Any]) -> Callable[..., Any]:
        def __init__(self: Any, card_path: Path, *arguments: Any, **named: Any) -> None:
            before(self, card_path, *arguments, **named)
            self.path, self.changed = Path(card_path), Path(card_path).stat().st_ctime_ns

        return __init__

    def reload(before: Callable[..., Any]) -> Callable[..., Any]:
        def classify_face(self: Any, *arguments: Any) -> Any:
            if self.path.stat().st_ctime_ns != self.changed:
                with contextlib.suppress(Exception):  # half replaced: tried again
                    self.__dict__ |= Classifier(self.path).__dict__
            return before(self, *arguments)

        return classify_face

    replace(Classifier, "__init__", remember)
    replace(Classifier, "classify_face", reload)


def leaked_memory() -> None:
    from device.pipeline import Pipeline

    kept: list[bytes] = []

    def leak(before: Callable[..., Any]) -> Callable[..., Any]:
        def analyze(self: Any, frame: Any) -> Any:
            kept.append(os.urandom(4096))
            return before(self, frame)

        return analyze

    replace(Pipeline, "analyze", leak)


def handle_a_frame() -> None:
    from device.pipeline import Pipeline

    opened = [0]

    def leak(before: Callable[..., Any]) -> Callable[..., Any]:
        def analyze(self: Any, frame: Any) -> Any:
            opened[0] += 1
            if opened[0] % 100 == 0:
                os.open(os.devnull, os.O_RDONLY)
            return before(self, frame)

        return analyze

    replace(Pipeline, "analyze", leak)


def bare_value_error() -> None:
    from device import config

    replace(config, "UsageError", lambda _: ValueError)


def torn_line_kept() -> None:
    from device.rowlog import locked_file

    replace(
        locked_file, "last_complete_row", lambda _: lambda file: os.fstat(file.fileno()).st_size
    )


def unchecked_card() -> None:
    from device.attributes import model_card

    def unchecked(entry: dict[str, Any]) -> model_card.Attribute:
        calibration = entry["calibration"]
        return model_card.Attribute(
            str(entry["name"]),
            float(entry["threshold"]),
            float(calibration["slope"]),
            float(calibration["offset"]),
            float(entry["prevalence"]),
        )

    replace(model_card, "_attribute", lambda _: unchecked)


def bare_photo_error() -> None:
    from device.camera import image_io

    replace(image_io, "PhotoError", lambda _: RuntimeError)


def unbounded_templates() -> None:
    from device.recognition import store

    store.MAX_NUMBER = float("inf")


def no_trial() -> None:
    from device import model_trial
    from device.attributes import classifier

    replace(classifier, "require_loadable", lambda _: lambda *arguments: None)
    replace(model_trial, "require_loadable", lambda _: lambda *arguments: None)


def large_parts() -> None:
    from device.camera import http_stream

    replace(http_stream, "MAX_BYTES", lambda _: 600 << 20)


def no_deadline() -> None:
    from device.camera.timed_response import TimedResponse

    replace(TimedResponse, "within", lambda _: lambda self, limit_s: None)


def any_host() -> None:
    from device.camera.address import Address

    replace(Address, "same_host", lambda _: lambda self, other: True)


def bare_address() -> None:
    from device.camera.address import Address

    replace(Address, "name", lambda _: Address.url)


def any_size() -> None:
    from device.camera import image_io

    replace(image_io, "BUDGET", lambda _: 10**12)


def any_format() -> None:
    from PIL import Image

    from device.camera import image_io

    replace(image_io, "_open", lambda _: lambda file, name: Image.open(file))
    replace(image_io, "DECODERS", lambda before: defaultdict(lambda: ("", 4), before))


def any_file() -> None:
    from device.camera import image_io, photo_files

    replace(photo_files, "_files", lambda _: lambda folder, recursive: folder.iterdir())
    replace(image_io, "open_regular", lambda _: io.FileIO)


def bare_names() -> None:
    from device.cli import command
    from device.rowlog import csv_format

    for owner, name in ((command, "printable"), (csv_format, "escaped")):
        replace(owner, name, lambda _: lambda text: text)


def needed_window() -> None:
    from device.outputs.window import Window

    def needed(before: Callable[..., Any]) -> Callable[..., Any]:
        def lose(self: Any) -> None:
            self._needed = True
            before(self)

        return lose

    replace(Window, "_lose", needed)


def late_index() -> None:
    from device.outputs import video_file

    replace(video_file, "FRAGMENTED", lambda _: {})
    replace(video_file, "OPENCV_FORMATS", lambda before: before | {".mp4": ("mp4v", ".mp4")})


def followed_link() -> None:
    from device.recognition import store

    replace(store, "write_private", lambda _: lambda path, text: path.write_text(text))


def open_installer() -> None:
    """Have the fault use a copy of the installer, whose Python is not isolated."""
    from tests.device.cli import test_install
    from tests.faults import root as fault

    text = test_install.INSTALL.read_text()
    if " -I " not in text:
        raise ValueError("the installer has no -I")

    def changed(before: Callable[..., Any]) -> Callable[..., Any]:
        def install(*arguments: Any, root: Path, **named: Any) -> Any:
            script = root.parent / "source" / "systemd" / "install.sh"
            script.parent.mkdir(parents=True)
            for path in test_install.ROOT.iterdir():
                if path.name != "systemd":
                    (script.parent.parent / path.name).symlink_to(path)
            script.write_text(text.replace(" -I ", " "))
            script.chmod(0o755)
            test_install.INSTALL = script
            return before(*arguments, root=root, **named)

        return install

    replace(fault, "install", changed)
