"""A system without faults, and a driver to connect cameras to."""

import pytest

from device.doctor.system import System
from tests.device.camera.video_driver import Driver
from tests.device.doctor.made_up import NOW


@pytest.fixture
def driver(tmp_path):
    (tmp_path / "root" / "dev").mkdir(parents=True)
    return Driver(tmp_path / "root" / "dev")


@pytest.fixture
def system(tmp_path, driver):
    """A system without faults: no Pi, no camera, no systemd."""
    return System(
        root=tmp_path / "root",
        run=lambda command: None,
        python=(3, 13, 5),
        v4l2=driver.v4l2,
        environ={"DISPLAY": ":0"},
        screen_fault=lambda environ: None,
        user="ada",
        groups=frozenset({"ada", "video"}),
        may_open=lambda path: True,
        free_bytes=lambda path: 8_000_000_000,
        now=lambda: NOW,
        synchronized=lambda: True,
    )
