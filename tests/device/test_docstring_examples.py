"""The examples in the docstrings of the public modules run."""

import importlib
import re

import cv2
import pytest

import device
from device import Settings, load_settings
from device.analyzer import FaceAnalyzer
from device.camera import demo
from device.camera.open import open_camera
from device.models import load_models
from device.pipeline import build_pipeline


def example(name: str) -> str:
    """Return the code in a module's docstring: all below its first paragraph."""
    text = importlib.import_module(name).__doc__
    code = text.partition("\n\n")[2]
    return re.sub(r"^import facet\b", "import device as facet", code, flags=re.MULTILINE)


@pytest.mark.parametrize("name", ["device", "device.api", "device.analyzer", "device.pipeline"])
def test_the_example_runs(name, tmp_path, monkeypatch, capsys, astronaut):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "SHOT_S", 0.4)  # 30 frames instead of 300
    cv2.imwrite("photo.jpg", astronaut)
    names = {
        "FaceAnalyzer": FaceAnalyzer,
        "Settings": Settings,
        "build_pipeline": build_pipeline,
        "image_bgr": astronaut,
        "load_models": load_models,
        "open_camera": open_camera,
        "settings": Settings(camera=device.settings.CameraSettings(source="demo")),
    }
    exec(example(name), names)
    assert "smiling" in capsys.readouterr().out


def test_the_example_of_the_settings_is_a_settings_file(tmp_path):
    (tmp_path / "facet.toml").write_text(
        importlib.import_module("device.settings")
        .__doc__.partition("\n\n")[2]
        .rpartition("\n\n")[0]
    )
    settings = load_settings(tmp_path / "facet.toml")
    assert settings.camera.source == "usb:0"
    assert settings.attributes.show == ("Smiling", "Eyeglasses")
