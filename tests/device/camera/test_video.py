"""Video files: every frame with its time, broken ones refused."""

import itertools
import os
import subprocess
import sys
import threading
from datetime import timedelta
from fractions import Fraction

import cv2
import numpy as np
import pytest

from device.camera import is_live, video_probe
from device.camera import video as video_module
from device.camera.open import open_camera
from device.camera.video import VideoFile
from device.errors import SourceError, Stopped
from device.settings import CameraSettings


@pytest.fixture
def video(tmp_path):
    """Ten frames at 5 frames/s, each brighter than the one before."""
    path = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (320, 240))
    noise = np.random.default_rng(0).integers(0, 50, (240, 320, 3))
    for level in range(0, 200, 20):
        writer.write((noise + level).astype(np.uint8))
    writer.release()
    return path


def test_a_video_gives_every_frame_with_its_time(video):
    with VideoFile(video) as camera:
        frames = list(camera)
    assert [frame.index for frame in frames] == list(range(10))
    assert frames[9].time - frames[0].time == timedelta(seconds=9 / 5)
    levels = [frame.bgr.mean() for frame in frames]
    assert levels == sorted(levels) and frames[0].source == "video.avi"
    assert camera.fps == 5 and camera.mode == "320x240, 5 frames/s" and not is_live(camera)


def test_a_truncated_video_gives_the_frames_it_has(video):
    content = video.read_bytes()
    video.write_bytes(content[: len(content) * 2 // 3])
    with VideoFile(video) as camera:
        assert 1 <= len(list(camera)) < 10


@pytest.mark.parametrize("content", [b"", b"not a video", bytes(5000)])
def test_a_file_that_is_not_a_video_is_named(tmp_path, content):
    path = tmp_path / "fake.mp4"
    path.write_bytes(content)
    with pytest.raises(
        SourceError, match=r"fake.mp4 is not a video that can be read. Try: ffprobe"
    ):
        VideoFile(path)


def test_opencv_prints_nothing_about_a_broken_video(tmp_path):
    (tmp_path / "fake.mp4").write_bytes(bytes(5000))
    code = (
        "import os, device; assert not any(key.startswith('OPENCV') for key in os.environ)\n"
        "from device.camera.open import open_camera\n"
        "from device.settings import CameraSettings\n"
        f"try: open_camera(CameraSettings(source={str(tmp_path / 'fake.mp4')!r}))\n"
        "except OSError: pass"
    )
    env = {key: value for key, value in os.environ.items() if not key.startswith("OPENCV")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# What people bring: films made by PyAV, which writes what OpenCV cannot.

PICTURES = [
    cv2.GaussianBlur(
        np.random.default_rng(n).integers(0, 255, (48, 64, 3)).astype(np.uint8), (0, 0), 3
    )
    for n in range(30)
]


def film(path, codec="libx264", rate=25, options=None, interlaced=False, times=None, aspect=None):
    """Write PICTURES as a film; times: s of each, at a variable rate."""
    av = pytest.importorskip("av", reason="no PyAV: pip install -r requirements-video.txt")
    rate = Fraction(rate).limit_denominator(1000)
    base = Fraction(1, 1000) if times else 1 / rate
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.options = 64, 48, options or {}
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if times:
            stream.codec_context.time_base = base
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        graph = av.filter.Graph()
        source = graph.add_buffer(width=64, height=48, format=stream.pix_fmt, time_base=base)
        field = graph.add("setfield", "tff" if interlaced else "prog")
        sink = graph.add("buffersink")
        source.link_to(field)
        field.link_to(sink)
        graph.configure()
        for n, picture in enumerate(PICTURES):
            frame = av.VideoFrame.from_ndarray(picture, "bgr24").reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = round(times[n] * 1000) if times else n, base
            graph.push(frame)
            container.mux(stream.encode(graph.pull()))
        container.mux(stream.encode())
    return path


INTERLACED = [
    ("film.mpg", "mpeg2video", {"flags": "+ilme+ildct"}),
    ("film.mp4", "libx264", {"flags": "+ilme+ildct", "x264-params": "interlaced=1:tff=1"}),
    ("film.ts", "libx264", {"flags": "+ilme+ildct", "x264-params": "interlaced=1:tff=1"}),
]


def opened(path):
    with VideoFile(path) as camera:
        return list(camera)


@pytest.mark.parametrize(("name", "codec", "options"), INTERLACED)
def test_an_interlaced_film_is_deinterlaced(tmp_path, name, codec, options):
    frames = opened(film(tmp_path / name, codec, options=options, interlaced=True))
    assert len(frames) == len(PICTURES)
    # MPEG-PS has a timestamp a packet, not a frame: FFmpeg's guess may be a frame late.
    error_s = 0.041 if name.endswith(".mpg") else 1e-6
    times = [frame.at_s for frame in frames]
    assert times == pytest.approx([n / 25 for n in range(30)], abs=error_s)
    assert all(later > earlier for earlier, later in itertools.pairwise(times))
    assert np.abs(frames[9].bgr.astype(int) - PICTURES[9]).mean() < 12


@pytest.mark.parametrize(("name", "codec", "options"), INTERLACED)
def test_an_interlaced_film_is_refused_without_pyav(tmp_path, monkeypatch, name, codec, options):
    path = film(tmp_path / name, codec, options=options, interlaced=True)
    for module in (video_probe, video_module):
        monkeypatch.setattr(module, "has_pyav", lambda: False)
    with pytest.raises(SourceError, match=r"is interlaced.*Try: .*ffmpeg -i film.* -vf bwdif"):
        VideoFile(path)


def test_a_film_of_one_still_picture_is_no_fault(tmp_path, monkeypatch):
    path = tmp_path / "still.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 48))
    for _ in range(8):
        writer.write(PICTURES[0])
    writer.release()
    for pyav in (True, False):
        monkeypatch.setattr(video_probe, "has_pyav", lambda pyav=pyav: pyav)
        assert len(opened(path)) == 8


def test_a_codec_that_opencv_lacks_is_decoded_by_pyav_or_named(tmp_path, monkeypatch):
    path = film(tmp_path / "film.mkv", "libsvtav1", options={"preset": "12"})
    assert len(opened(path)) == len(PICTURES)
    monkeypatch.setattr(video_module, "has_pyav", lambda: False)
    with pytest.raises(SourceError, match=r"no decoder for its codec AV1. Try: pip install"):
        VideoFile(path)


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.mov", "film.avi"])
@pytest.mark.parametrize("rate", [0.1, 0.5, 12.5, 60])
def test_a_films_rate_is_what_its_header_says(tmp_path, name, rate):
    codec = "mjpeg" if name.endswith("avi") else "libx264"
    frames = opened(film(tmp_path / name, codec, rate=rate))
    times = [frame.at_s for frame in frames]
    assert times == pytest.approx([n / rate for n in range(30)], abs=0.0015)


@pytest.mark.parametrize(
    "name, rate, codec",
    [
        ("a.mp4", 0.1, "libx264"),  # its last frame counts ten seconds
        ("a.mov", 1, "libx264"),
        ("a.flv", 25, "libx264"),
        ("a.webm", 1000, "libvpx-vp9"),
        ("a.mkv", 1000, "libx264"),
        ("a.ts", 10, "libx264"),
        ("a.avi", 5, "libx264"),
    ],
)
def test_a_whole_film_of_variable_rate_is_not_cut(tmp_path, capfd, name, rate, codec):
    pauses = np.random.default_rng(1).uniform(0.05, 0.31, 30)
    times = list(np.cumsum(pauses) - pauses[0])
    assert len(opened(film(tmp_path / name, codec, rate, times=times))) == 30
    assert "cut" not in capfd.readouterr().err


def test_a_film_that_begins_late_is_not_cut(tmp_path, capfd):
    times = [1000 + n / 25 for n in range(30)]
    frames = opened(film(tmp_path / "film.mkv", times=times))
    assert len(frames) == 30 and frames[0].at_s == 0
    assert "cut" not in capfd.readouterr().err


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_frames_of_a_variable_rate_have_their_own_times(tmp_path, name):
    gaps = np.random.default_rng(1).choice([0.02, 0.04, 0.5, 3.0], 30)
    times = [round(float(t), 3) for t in np.cumsum(gaps) - gaps[0]]
    frames = opened(film(tmp_path / name, times=times))
    assert [frame.at_s for frame in frames] == pytest.approx(times, abs=0.0021)


def test_pixels_become_square(tmp_path):
    frames = opened(film(tmp_path / "film.mp4", aspect=Fraction(16, 11)))
    assert frames[0].bgr.shape == (48, 93, 3)


@pytest.mark.parametrize("damage", [b"\0", b"\xff", b"\x5a"])
def test_a_damaged_picture_costs_itself_alone(tmp_path, capfd, damage):
    content = bytearray(film(tmp_path / "film.avi", "mjpeg").read_bytes())
    places = [n for n in range(len(content)) if content[n : n + 2] == b"\xff\xd8"]
    for bad in (9, 20):
        length = places[bad + 1] - places[bad] - 32
        content[places[bad] : places[bad] + length] = damage * length
    (tmp_path / "bad.avi").write_bytes(content)
    frames = opened(tmp_path / "bad.avi")
    assert len(frames) == 28 and frames[-1].at_s == pytest.approx(29 / 25)
    assert "bad.avi: 2 damaged frames left out" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["film.avi", "film.mkv", "film.mp4"])
def test_a_cut_film_says_so(tmp_path, capfd, name):
    codec = "mjpeg" if name.endswith("avi") else "libx264"
    options = {"g": "5"} if codec == "libx264" else {}
    path = film(tmp_path / name, codec, rate=5, options=options)
    if name.endswith("mp4"):  # its index first, as films from the web have it
        import av

        front = tmp_path / "front.mp4"
        with av.open(path) as old, av.open(front, "w", options={"movflags": "faststart"}) as new:
            stream = new.add_stream_from_template(old.streams.video[0])
            for packet in old.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    new.mux(packet)
        path = front
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    assert 5 < len(opened(path)) < 30
    assert "of 6.0 s: the file is cut or damaged" in capfd.readouterr().err


def test_a_film_that_is_cut_before_its_index_says_so(tmp_path):
    path = film(tmp_path / "film.mp4")
    whole = path.read_bytes()
    for share in (0.3, 0.5, 0.7):
        path.write_bytes(whole[: int(share * whole.index(b"moov"))])
        with pytest.raises(SourceError, match="is cut off: the index at its end is missing"):
            VideoFile(path)


def test_a_whole_film_says_nothing(tmp_path, capfd):
    opened(film(tmp_path / "film.mp4"))
    assert capfd.readouterr().err == ""


def test_a_pipe_that_stalls_is_left_when_the_run_stops(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(Stopped, match="stopped while opening"):
        open_camera(CameraSettings(source=str(tmp_path / "pipe")), stop.is_set)
    (tmp_path / "pipe").write_bytes(b"")  # OpenCV opens one file at a time
