"""The stream in other programs, and with many viewers."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from tests.device.camera.wire import Page, web
from tests.device.mqtt.broker import wait_until
from tests.integrations import programs
from tests.integrations.film import ROUND_S
from tests.integrations.stage import PASSWORD, Stage
from tests.integrations.step import step
from tests.integrations.steps_page import SHOWN
from tests.integrations.steps_run import first_frame

PART = "Stream"
VIEWERS = 10
MOST = 0.15  # of a core for nine viewers more; to encode for each would take twice that
DROP_S = 90.0  # the kernel's buffers fill first
PICTURES, VLC_PICTURES = 20, 6


def shape_of(path: Path) -> tuple[int, ...]:
    picture = cv2.imread(str(path))
    assert picture is not None, f"{path.name} is no picture"
    return picture.shape


@step(PART, "FFmpeg", f"reads {PICTURES} pictures by https with the password")
def ffmpeg(stage: Stage) -> str:
    stage.running()
    address = stage.secure.replace("://", f"://facet:{PASSWORD.replace(' ', '%20')}@")
    out = stage.folder / "ffmpeg"
    out.mkdir()
    words = [programs.FFMPEG.need(), "-v", "error", "-f", "mpjpeg", "-i", f"{address}/stream.mjpg"]
    programs.run([*words, "-frames:v", str(PICTURES), str(out / "%03d.png")])
    files = sorted(out.glob("*.png"))
    shapes = {shape_of(file) for file in files}
    assert len(files) == PICTURES and shapes == {(480, 640, 3)}, (len(files), shapes)
    return f"{len(files)} pictures of 640x480"


@step(PART, "restart", "Facet starts again, its page now on localhost without password, embed on")
def restart(stage: Stage) -> str:
    facet = stage.facet
    if facet.running:  # it was not killed, as there is no broker
        facet.kill()
    begun_s = time.monotonic()
    facet.start(stage.settings(plain=True, rule_over_mqtt=not stage.refused_rule))
    wait_until(lambda: first_frame(stage), "a frame", 180)
    status, _ = stage.get("/snapshot.jpg")
    assert status == 200, status
    return f"a picture after {time.monotonic() - begun_s:.0f} s"


@step(PART, "<img> in another site's page", "Chromium shows it, and it moves")
def image(stage: Stage) -> str:
    stage.running()
    page = stage.chromium.page(700, 520)
    html = f'<title>Dashboard</title><img id="picture" src="{stage.plain}/stream.mjpg">'
    with web({"/": Page(html.encode(), "text/html")}) as server:
        page.open(f"http://localhost:{server.server_port}/")
        page.until("document.getElementById('picture')?.naturalWidth === 640")
        # The page may not read another site's picture: its screenshots are compared.
        shots = []
        for _ in range(4):
            shots.append(page.screenshot())
            page.rest(1.5)
        reason = page.evaluate(f"(() => {{ try {{ {SHOWN} }} catch (e) {{ return e.name }} }})()")
        (stage.evidence / "img.png").write_bytes(shots[-1])
        page.close()  # or it stays a viewer
    assert len(set(shots)) >= 2, "the picture stands still"
    assert reason == "SecurityError", f"another site's page reads the picture: {reason}"
    return f"640 px wide, {len(set(shots))} of 4 screenshots differ; its pixels cannot be read"


@step(PART, "VLC", "plays it: its pictures are 640x480, and move")
def vlc(stage: Stage) -> str:
    stage.running()
    out = stage.folder / "vlc"
    out.mkdir()
    os.chmod(out, 0o777)
    options = ["--intf", "dummy", "--no-audio", "--vout", "dummy"]
    scenes = ["--video-filter", "scene", "--scene-format", "png", "--scene-ratio", "10"]
    place = [f"--scene-path={out}", "--scene-prefix=vlc"]
    words = [programs.VLC.need(), *options, *scenes, *place, f"{stage.plain}/stream.mjpg"]
    file = stage.folder / "vlc.log"
    with file.open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, **programs.VLC.user(out))
    try:
        wait_until(lambda: len(list(out.glob("*.png"))) > VLC_PICTURES, "VLC's pictures", 60)
    finally:
        process.terminate()
        process.wait(30)
    pictures = sorted(out.glob("*.png"))[:VLC_PICTURES]  # the last may be written in part
    shapes, different = {shape_of(one) for one in pictures}, {one.read_bytes() for one in pictures}
    assert shapes == {(480, 640, 3)}, shapes
    assert len(different) >= VLC_PICTURES // 2, "the picture stands still"
    return f"every tenth picture was kept: {len(pictures)} of 640x480, {len(different)} different"


class Viewer:
    """Reads the stream in a thread until it is left; counts pictures."""

    def __init__(self, port: int):
        self.pictures, self.ended = 0, False
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> "Viewer":
        self._connection.request("GET", "/stream.mjpg")
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200, self._answer.status
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopping.set()
        self._thread.join(60)
        self._connection.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            while not self._stopping.is_set():
                line = self._answer.readline()
                if not line:
                    break
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
                    self._answer.readline()
                    if len(self._answer.read(length)) == length:
                        self.pictures += 1
        self.ended = not self._stopping.is_set()


@contextlib.contextmanager
def watched(port: int, count: int) -> Iterator[list[Viewer]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Viewer(port)) for _ in range(count)]


def measured(stage: Stage, count: int) -> tuple[float, list[int]]:
    """Return the share of a core that Facet takes in a round of the film, and viewers' pictures."""
    facet = stage.running()
    with watched(stage.web_port, count) as viewers:
        wait_until(lambda: all(viewer.pictures for viewer in viewers), "a picture each", 60)
        first = [viewer.pictures for viewer in viewers]
        begun_s, cpu_s = time.monotonic(), facet.cpu_s()
        time.sleep(ROUND_S)
        share = (facet.cpu_s() - cpu_s) / (time.monotonic() - begun_s)
        return share, [v.pictures - n for v, n in zip(viewers, first, strict=True)]


@step(
    PART,
    f"{VIEWERS} viewers",
    f"as many pictures for each as for one; for nine more at most {MOST:.0%} of a core",
)
def ten(stage: Stage) -> str:
    stage.running()
    one, (alone,) = measured(stage, 1)
    many, pictures = measured(stage, VIEWERS)
    assert min(pictures) >= 0.7 * alone, f"{pictures}, one alone {alone}"
    assert many - one <= MOST, f"{one:.0%} of a core for one, {many:.0%} for {VIEWERS}"
    each = f"{min(pictures)} to {max(pictures)} pictures in {ROUND_S:.0f} s"
    shares = f"whole process {one:.0%} of a core with one, {many:.0%} with {VIEWERS}"
    return f"{each}, one alone {alone}; {shares}"


def viewers_now(stage: Stage) -> int:
    time.sleep(0.2)  # the page answers 20 requests/s
    return json.loads(stage.get("/api/status")[1])["viewers"]


@step(PART, "a viewer that stalls", "is dropped; the others go on meanwhile")
def stalled(stage: Stage) -> str:
    stage.running()
    wait_until(lambda: viewers_now(stage) == 0, "no viewers", 60)
    with watched(stage.web_port, 2) as others, socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", stage.web_port))
        lazy.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        wait_until(lambda: viewers_now(stage) == 3, "three viewers", 60)
        before, begun_s = [viewer.pictures for viewer in others], time.monotonic()
        wait_until(lambda: viewers_now(stage) == 2, "two viewers", DROP_S)
        took_s = time.monotonic() - begun_s
        pictures = [v.pictures - n for v, n in zip(others, before, strict=True)]
        assert not any(viewer.ended for viewer in others), "another viewer was dropped too"
        assert min(pictures) > took_s, f"{pictures} pictures in {took_s:.0f} s"
    return f"dropped after {took_s:.0f} s, {min(pictures)} pictures for the others meanwhile"
