"""The memory that hostile sources take: the whole command's peak, in a process of its own."""

import subprocess
import sys

import pytest

from device.camera.ffmpeg import limit_blocks
from tests.conftest import ROOT
from tests.device.camera.hostile import ENDLESS, MEASURE, answering
from tests.device.camera.test_video import film
from tests.device.camera.wire import Page, web

LIMIT_MB = 300  # of the whole process; the demo takes 120


def peak(folder, source, *flags):
    """Run the command on a source; return (exit code, last line, peak memory, MB)."""
    run = [sys.executable, "-m", "device.run", "--headless", "--max-frames", "3", *flags]
    run += ["--camera", str(source), "--log", str(folder / "log.csv")]
    command = [sys.executable, "-I", "-c", MEASURE, *run]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    code, peak_mb = done.stdout.split()
    return int(code), done.stderr.splitlines()[-1], float(peak_mb)


def golomb(number):
    code = f"{number + 1:b}"
    return "0" * (len(code) - 1) + code


def sequence_header(width, height):
    """An H.264 sequence parameter set (ITU-T H.264, 7.3.2.1), baseline, without VUI."""
    numbers = (0, 0, 2, 1)  # id, log2_max_frame_num_minus4, pic_order_cnt_type, max_num_ref_frames
    bits = f"{66:08b}{0xC0:08b}{62:08b}" + "".join(map(golomb, numbers)) + "0"
    bits += golomb(width // 16 - 1) + golomb(height // 16 - 1) + "1100" + "1"
    bits += "0" * (-len(bits) % 8)
    return b"\x67" + int(bits, 2).to_bytes(len(bits) // 8)


@pytest.fixture(scope="module")
def huge(tmp_path_factory):
    """Films of 16000x16000 px, as their H.264 header has it; the pictures are of 64x48."""
    av = pytest.importorskip("av", reason="no PyAV: pip install -r requirements-video.txt")
    folder = tmp_path_factory.mktemp("huge")
    options = {"profile": "baseline", "x264-params": "keyint=5:cabac=0:bframes=0:ref=1"}
    units = film(folder / "small.h264", options=options).read_bytes().split(b"\0\0\0\1")
    units = [sequence_header(16000, 16000) if unit[:1] == b"\x67" else unit for unit in units]
    limit_blocks(0)  # or this process would decode them, too
    (folder / "huge.h264").write_bytes(b"\0\0\0\1".join(units))
    for ending in ("mp4", "ts"):
        with av.open(folder / "huge.h264") as raw, av.open(folder / f"huge.{ending}", "w") as copy:
            stream = copy.add_stream_from_template(raw.streams.video[0])
            for number, packet in enumerate(raw.demux(video=0)):
                if packet.size:
                    packet.pts = packet.dts = number * round(1 / packet.time_base / 25)
                    packet.stream = stream
                    copy.mux(packet)
    small = film(folder / "small.ts", options=options).read_bytes()
    (folder / "grows.ts").write_bytes(small + (folder / "huge.ts").read_bytes())
    return folder


@pytest.mark.parametrize("name", ["huge.mp4", "huge.ts"])
def test_a_film_with_huge_pictures_is_refused_before_they_are_decoded(tmp_path, huge, name):
    code, line, peak_mb = peak(tmp_path, huge / name)
    assert code == 3 and f"{name} has pictures of 16000x16000, more than 9 megapixels" in line
    assert peak_mb < LIMIT_MB


def test_a_film_whose_pictures_become_huge_takes_no_more(tmp_path, huge):
    code, _, peak_mb = peak(tmp_path, huge / "grows.ts", "--max-frames", "60")
    assert code == 0 and peak_mb < LIMIT_MB


def test_a_stream_with_huge_pictures_is_refused(tmp_path, huge):
    with web(
        {"/live": Page((huge / "huge.ts").read_bytes(), "video/mp2t", length=False)}
    ) as server:
        code, line, peak_mb = peak(tmp_path, f"http://127.0.0.1:{server.server_port}/live")
    assert code == 3 and "has pictures of 16000x16000" in line and peak_mb < LIMIT_MB


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_never_ends_takes_no_memory(tmp_path, kind):
    scheme = "rtsp" if kind.startswith("RTSP") else "http"
    with answering(*ENDLESS[kind]) as port:
        code, line, peak_mb = peak(tmp_path, f"{scheme}://127.0.0.1:{port}/live")
    assert code == 3 and "Try: " in line and peak_mb < LIMIT_MB
