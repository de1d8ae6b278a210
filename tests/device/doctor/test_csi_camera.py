"""The doctor on a CSI camera (the double of Picamera2)."""

from device.camera.v4l2 import V4l2
from device.doctor.checks import cameras
from device.doctor.system import System
from device.settings import Settings


def test_the_doctor_opens_a_csi_camera(pi, tmp_path):
    """The double gives a uniform red picture: a fault that the doctor reports."""
    system = System(v4l2=V4l2(tmp_path))
    assert cameras.listed(system).message == "csi:0 (imx708)"
    assert cameras.sources(system, Settings()) == {"camera csi:0": "csi:0"}
    result = cameras.picture(system, Settings(), "csi:0")
    assert result.message.startswith("imx708, 640x480 RGB888, ")
    assert "one colour everywhere (red 200, green 20, blue 10)" in result.message
