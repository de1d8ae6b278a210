"""A camera's password in nothing that the whole command prints, writes or shows."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

from tests.conftest import ROOT
from tests.device.camera.wire import MULTIPART, Page, part, web

SECRET = "hunt@er2/q9x"


def endless(picture):
    for _ in range(10**6):
        yield part(picture)
        time.sleep(0.05)


@pytest.fixture
def asking(astronaut):
    """An answer that asks for user and password, then shows a face."""
    picture = cv2.imencode(".jpg", astronaut[:480])[1].tobytes()

    def answer(handler):
        if not handler.headers.get("Authorization"):
            return Page(status=401, WWW_Authenticate='Basic realm="cam"')
        return Page(endless(picture), MULTIPART, length=False)

    return answer


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
        settings = f'[camera]\nsource = "{url}"\n[outputs]\nlog = "log.csv"\nlog_every = 0\n'
        if where == "file":
            settings = settings.replace("\n[out", f'\npassword_file = "{tmp_path}/password"\n[out')
        (tmp_path / "facet.toml").write_text(settings)
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
