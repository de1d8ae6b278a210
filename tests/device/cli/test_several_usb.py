"""Several USB cameras in one run, on a driver compiled from the kernel's header."""

import signal

import pytest

from tests.device.camera.test_v4l2 import Facet, rows
from tests.device.camera.webcam import show


@pytest.fixture
def facet(driver, dev):
    """Start the command: facet(*arguments), with cameras 2 and 4; it is killed after the test."""
    show(dev, 4, "alive", "face.jpg")
    started = []

    def start(*arguments):
        started.append(Facet(driver, dev, "--headless", *arguments))
        return started[-1]

    yield start
    for facet in started:
        facet.process.kill()
        facet.process.communicate()


def of(log, source):
    return [row for row in rows(log) if row["source"] == source]


def test_a_camera_that_drops_stops_no_other_and_comes_back(facet, dev):
    log = dev.parent / "a.csv"
    cameras = ("--camera", "usb:2", "--camera", "/dev/video4")
    process = facet(*cameras, "--log", log, "--log-every", "0", "--events", "v.csv")
    process._wait_until(lambda: of(log, "usb:2") and of(log, "usb:4"))
    assert "2 cameras: usb:2 (Double Cam" in process.stderr()
    (dev / "video2").unlink()
    process.wait_for("trying to open it again")
    process.wait_for_rows(log, 5)  # among them what was under way
    gone = len(of(log, "usb:2"))
    process.wait_for_rows(log, 20)
    assert len(of(log, "usb:2")) == gone
    show(dev, 2, "alive")
    process.wait_for("usb:2 is back")
    process._wait_until(lambda: len(of(log, "usb:2")) > gone)
    process.process.send_signal(signal.SIGTERM)
    _, code = process.end()
    assert code == 0, process.stderr()
    lines = process.stderr().splitlines()[-3:]
    assert [line.split()[1] for line in lines] == ["usb:2:", "usb:4:", "all:"]
    assert {row["track"] for row in of(log, "usb:4")} == {"1"}
    visits = rows(dev.parent / "v.csv")
    assert {row["source"] for row in visits} == {"usb:2", "usb:4"}
    for source in ("usb:2", "usb:4"):
        frames = [int(row["frame"]) for row in of(log, source)]
        assert frames == sorted(set(frames))


def test_the_same_device_by_two_names_is_refused(facet):
    process = facet("--camera", "0", "--camera", "usb:2")
    assert process.end()[1] == 2
    assert process.stderr() == (
        "facet: --camera 0 and --camera usb:2 are the same. Try: each camera once\n"
    )


def test_a_camera_that_is_absent_at_the_start_is_waited_for(facet, dev):
    (dev / "video4").unlink()
    (dev.parent / "facet.toml").write_text("[camera]\nwait = true\n")
    log = dev.parent / "a.csv"
    cameras = ("--config", "facet.toml", "--camera", "usb:2", "--camera", "usb:4")
    process = facet(*cameras, "--log", log, "--log-every", "0")
    process._wait_until(lambda: of(log, "usb:2"))
    assert not of(log, "usb:4")
    show(dev, 4, "alive")
    process._wait_until(lambda: of(log, "usb:4"))
    process.process.send_signal(signal.SIGTERM)
    assert process.end()[1] == 0, process.stderr()
