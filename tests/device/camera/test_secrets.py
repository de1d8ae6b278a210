"""A camera's password in nothing that the whole command prints, writes or shows."""

import os
import signal
import socket
import string
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import cv2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device.camera.open import open_camera
from device.cli.command import StderrHandler, _without_secrets
from device.cli.flags import read_settings
from device.errors import FacetError
from device.log import log
from device.settings import CameraSettings
from tests.conftest import ROOT
from tests.device.camera.wire import MULTIPART, Page, part, web

SECRET = "hunt@er2/q9x"


def endless(picture):
    for _ in range(10**6):
        yield part(picture)
        time.sleep(0.05)


def asking_camera(bgr):
    """Return an answer that asks for user and password, then shows a picture."""
    picture = cv2.imencode(".jpg", bgr)[1].tobytes()

    def answer(handler):
        if not handler.headers.get("Authorization"):
            return Page(status=401, WWW_Authenticate='Basic realm="cam"')
        return Page(endless(picture), MULTIPART, length=False)

    return answer


@pytest.fixture
def asking(astronaut):
    return asking_camera(astronaut[:480])


def run(folder, *arguments, **environment):
    env = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    env |= {"PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": str(folder / "notify"), **environment}
    return subprocess.Popen(
        [sys.executable, "-m", "device.run", "--headless", *arguments],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def address(server, where):
    at = f"127.0.0.1:{server.server_port}"
    return {
        "user": f"HTTP://ann:{SECRET}@{at}/live",
        "query": f"http://ann:x@{at}/live?password={SECRET}",
        "path": f"http://ann:x@{at}/{SECRET}/live",
        "file": f"http://ann@{at}/live",
        "environment": f"http://ann@{at}/live",
    }[where]


@pytest.mark.parametrize("where", ["user", "query", "path", "file", "environment"])
def test_a_password_is_shown_nowhere(tmp_path, asking, where):
    (tmp_path / "password").write_text(SECRET)
    with (
        web({"/live": asking, f"/{SECRET}/live": asking}) as server,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
    ):
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        url = address(server, where)
        content = f'[camera]\nsource = "{url}"\n[outputs]\nlog = "log.csv"\nlog_every = 0\n'
        if where == "file":
            content = content.replace("\n[out", f'\npassword_file = "{tmp_path}/password"\n[out')
        (tmp_path / "facet.toml").write_text(content)
        extra = {"FACET_CAMERA_PASSWORD": SECRET} if where == "environment" else {}
        process = run(tmp_path, "--config", "facet.toml", **extra)
        shown = systemd.recv(4096).decode()
        shown += Path(f"/proc/{process.pid}/cmdline").read_text()
        log = tmp_path / "log.csv"
        until = time.monotonic() + 30
        while not (log.exists() and "/live," in log.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        shown += process.communicate(timeout=30)[0] + log.read_text()
    assert process.returncode == 0 and "READY=1" in shown and "/live (512x480" in shown
    assert SECRET not in shown and SECRET[:6] not in shown and SECRET[5:] not in shown
    assert "/live," in log.read_text()
    assert any(authorization for _, authorization in server.hits)


@pytest.mark.parametrize(
    "arguments",
    [
        ["rtsp://ann:hunter2@cam/live"],
        ["--camera", "rtsp://ann:hunter2@127.0.0.1:1/live"],
        ["--camera", "RTSP://ann:hunter2@127.0.0.1:1/live", "--recrd", "x"],
        ["--camera", "gopher://ann:hunter2@127.0.0.1:1/live"],
        ["--camera=http://127.0.0.1:1/?pw=hunter2", "--fps", "http://ann:hunter2@cam"],
    ],
)
def test_an_error_of_the_command_shows_none(tmp_path, arguments):
    process = run(tmp_path, *arguments)
    printed = process.communicate(timeout=30)[0]
    assert process.returncode in (2, 3) and "hunter2" not in printed and printed


SECRETS = st.text(
    string.ascii_letters + string.digits + "@/:?#&=%+~!$*,;._-\u00e9\u4e2d\U0001f600",
    min_size=4,
    max_size=20,
).map(lambda text: f"q9{text}x7")
FORMS = st.sampled_from(
    [
        "rtsp://ann:{}@{}/live",
        "RTSP://{}:ann@{}/live",
        "Http://ann:{}@{}/live",
        "HTTPS://{}@{}/live",
        "http://{1}/live?user=ann&password={0}",
        "http://{1}/live?password={0}#{0}",
        "rtsp://{1}/{0}/live",
        "rtsp://{1}/user=ann&password={0}&channel=1",
        "rtsp://ann:{0}@ann:{0}@{1}/live",
        "http://{1}/live;{0}",
        "ann:{}@{}/live",
        "//ann:{}@{}/live",
        "ftp://ann:{}@{}/live",
        "rtsp:/ann:{}@{}/live",
    ]
)
HOSTS = st.sampled_from(["127.0.0.1:9", "[::1]:9", "cam.invalid", "localhost:9", "cam.invalid:9"])


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(FORMS, SECRETS, HOSTS, st.booleans())
def test_no_message_shows_a_part_of_a_password(monkeypatch, form, secret, host, quoted):
    def refuse(*_, **__):
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    if form.startswith(("RTSP", "HTTPS")):  # what precedes a ? is a host there
        secret = secret.replace("?", "")
    source = form.format(quote(secret, safe="") if quoted else secret, host)
    lines = []
    handler = StderrHandler()
    monkeypatch.setattr(handler, "handle", lambda record: lines.append(record.getMessage()))
    log.addHandler(handler)
    try:
        for call in (
            lambda: open_camera(CameraSettings(source=source)),
            lambda: read_settings(["--camera", source, "--recrd", "x"], ""),
            lambda: read_settings([source], ""),
        ):
            with pytest.raises(FacetError) as fault:
                call()
            lines.append(_without_secrets(str(fault.value)))
    finally:
        log.removeHandler(handler)
    printed = "".join(lines)
    assert secret not in printed and quote(secret, safe="") not in printed and "q9" not in printed


ANSWERS = {
    "redirect": {"status": 302, "Location": "http://ann:hunter2@127.0.0.1:1/hunter2?x=hunter2"},
    "redirect elsewhere": {"status": 301, "Location": "http://hunter2:hunter2@cam.invalid/hunter2"},
    "redirect to a file": {"status": 307, "Location": "file:///hunter2"},
    "redirect to nothing": {"status": 308, "Location": "http://hunter2 hunter2"},
    "challenge": {"status": 401, "WWW_Authenticate": 'Digest realm="hunter2", nonce="hunter2"'},
    "content": {"status": 200, "kind": "text/hunter2"},
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_no_error_repeats_what_a_camera_sends(kind):
    with web({"/live": Page(b"hunter2", **ANSWERS[kind])}) as server:
        source = f"http://ann:hunter2@127.0.0.1:{server.server_port}/live"
        with pytest.raises(FacetError) as fault:
            open_camera(CameraSettings(source=source))
    assert "hunter2" not in str(fault.value)


@pytest.mark.parametrize(
    "line",
    ["http://ann:hunter2@127.0.0.1:1/hunter2", "hunter2.ts?hunter2", "file:///hunter2", "\t:"],
)
@pytest.mark.parametrize("place", ["{}", '#EXT-X-MAP:URI="{}"\na.ts', "#EXT-X-STREAM-INF:A=1\n{}"])
def test_no_error_repeats_a_playlist(line, place):
    body = f"#EXTM3U\n{place.format(line)}\n#EXT-X-ENDLIST\n".encode()
    with web({"/live": Page(body, "application/x-mpegurl")}) as server:
        source = f"http://127.0.0.1:{server.server_port}/live"
        with pytest.raises(FacetError) as fault:
            open_camera(CameraSettings(source=source))
    assert "hunter2" not in str(fault.value)
