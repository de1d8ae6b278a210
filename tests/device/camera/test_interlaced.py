"""Interlaced pictures in streams and in films that turn interlaced: by PyAV, or named."""

import itertools
import re

import numpy as np
import pytest

from device.camera import network, video, video_probe
from device.camera.network import NetworkCamera
from device.camera.open import open_camera
from device.camera.video import VideoFile
from device.errors import SourceError
from device.settings import CameraSettings
from tests.device.camera.test_video import PICTURES, film
from tests.device.camera.wire import Page, RtspServer, web

INTERLACED = {"flags": "+ilme+ildct", "x264-params": "interlaced=1:tff=1:keyint=10"}


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """MPEG-TS by kind; "later" is progressive, then interlaced, "again" starts its times anew."""
    folder = tmp_path_factory.mktemp("films")
    one = film(folder / "progressive.ts", options={"g": "10"})
    two = film(folder / "interlaced.ts", options=INTERLACED, interlaced=True)
    (folder / "again.ts").write_bytes(one.read_bytes() + two.read_bytes())
    join(one, two, folder / "later.ts")
    return {path.stem: path for path in folder.iterdir()}


def join(one, two, path):
    import av

    stream, shift = None, 0
    with av.open(path, "w") as joined:
        for part in (one, two):
            with av.open(part) as container:
                source = container.streams.video[0]
                stream = stream or joined.add_stream_from_template(source)
                for packet in container.demux(source):
                    if packet.dts is not None:
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = stream
                        joined.mux(packet)
                shift += round(len(PICTURES) / 25 / source.time_base)


def errors(frames):
    """Mean difference of each frame from the picture that it was made of."""
    pictures = itertools.cycle(PICTURES)
    return [
        float(np.abs(frame.bgr.astype(int) - picture).mean())
        for frame, picture in zip(frames, pictures, strict=False)
    ]


@pytest.mark.parametrize("kind", ["later", "again"])
def test_a_film_that_turns_interlaced_is_decoded_or_refused(films, monkeypatch, kind):
    with VideoFile(films[kind]) as camera:
        frames = list(camera)
    assert len(frames) == 60 and sum(error > 12 for error in errors(frames)) <= 1
    times = [frame.at_s for frame in frames]
    assert all(later > earlier for earlier, later in itertools.pairwise(times))
    for module in (video_probe, video):
        monkeypatch.setattr(module, "has_pyav", lambda: False)
    read = []
    with VideoFile(films[kind]) as camera, pytest.raises(SourceError, match="is interlaced, which"):
        read.extend(camera)
    with pytest.raises(SourceError, match="interlaced"):
        VideoFile(films["interlaced"])


@pytest.mark.parametrize("kind", ["interlaced", "later"])
@pytest.mark.parametrize("ranges", [True, False])
def test_an_interlaced_film_over_http_is_decoded_by_pyav(films, kind, ranges):
    headers = {"Accept_Ranges": "bytes"} if ranges else {}
    page = Page(films[kind].read_bytes(), "video/mp2t", **headers)
    with web({"/film": page}) as server:
        source = f"http://127.0.0.1:{server.server_port}/film"
        with open_camera(CameraSettings(source=source)) as camera:
            frames = list(camera)
    wrong = sum(error > 12 for error in errors(frames))
    assert len(frames) >= 55 if kind == "later" else len(frames) == 30
    assert wrong <= (network.UNCONVERTED if kind == "later" else 1)


def test_an_interlaced_stream_is_decoded_by_pyav_or_named(films, monkeypatch, capfd):
    page = Page(films["interlaced"].read_bytes() * 3, "video/mp2t", length=False)
    with web({"/live": page}) as server:
        source = f"http://127.0.0.1:{server.server_port}/live"
        camera = NetworkCamera(source)
        camera.open()
        frames = [camera.read() for _ in range(12)]
        camera.close()
        assert max(float(frame.std()) for frame in frames[1:]) > 5
        assert len({frame.tobytes() for frame in frames}) > 10
        monkeypatch.setattr(network, "has_pyav", lambda: False)
        camera = NetworkCamera(source)
        camera.open()
        for _ in range(network.UNCONVERTED + 5):
            camera.read()
        camera.close()
    printed = capfd.readouterr().err
    hint = r"as OpenCV does if they are interlaced\. Try: (\S+ -m )?pip install"
    assert len(re.findall(hint, printed)) == 1


def test_rtsp_is_decoded_by_pyav_through_the_relay():
    pytest.importorskip("av")
    with RtspServer("ann", "hunter2") as server:
        camera = NetworkCamera(f"rtsp://ann:hunter2@127.0.0.1:{server.port}/live")
        camera._by_pyav = True
        camera.open()
        levels = [float(camera.read().mean()) for _ in range(5)]
        camera.close()
    assert levels == sorted(levels) and 35 < levels[0] < levels[4] < 90


def test_a_black_film_is_no_fault(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("tests.device.camera.test_video.PICTURES", [np.zeros_like(PICTURES[0])] * 9)
    path = film(tmp_path / "black.mp4")
    with VideoFile(path) as camera:
        assert len(list(camera)) == 9
    assert "black.mp4: every frame is black" in capfd.readouterr().err
