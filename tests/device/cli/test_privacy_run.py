"""A real run at the level of counts, with all switched on that the level permits: what leaves it.

All that can be read of it, byte by byte: its files, the page's addresses and events, the metrics,
what systemd hears, and the journal.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from tests.conftest import ROOT

pytest.importorskip("prometheus_client", reason="pip install -r requirements-metrics.txt")
pytest.importorskip("uvicorn", reason="pip install -r requirements-web.txt")

LIMIT_S = 120.0
FRAMES = 60  # of the clip, in which both faces of its first seconds have been classified
SETTINGS = """
privacy = "counts"
[counts]
file = "counts.csv"
attributes = ["Smiling", "Eyeglasses", "Wearing_Hat"]
minutes = 15
min_group = 3
[outputs]
headless = true
status_every = 0.5
[web]
address = "127.0.0.1:{web}"
[metrics]
listen = "127.0.0.1:{metrics}"
file = "facet.prom"
file_every_s = 1.0
[[lines]]
name = "door"
"""
PATHS = (
    *("/", "/api/status", "/api/faces", "/api/counts", "/chart/hours.svg"),
    *("/snapshot.jpg", "/stream.mjpg"),
)
# What the page's JSON may say: of the computer, the camera and its settings, not of faces.
STATUS = {
    *("camera", "fps", "age_s", "frames", "dropped", "reconnecting", "started", "temperature_c"),
    *("disk_free_mb", "privacy", "lines", "visits_today", "blur", "kept", "viewers", "login"),
    *("doctor", "settings"),
}
LINES = (  # of the journal
    r"facet: the demo clip repeats .*",
    r"facet: counting visits in counts\.csv",
    r"facet: [\d.]+, demo \(.*\), detector back, model attributes .*",
    r"facet: web page: http://127\.0\.0\.1:\d+",
    r"facet: last \d+ s: [\d.]+ frames/s, 0 dropped(, \d+ °C)?",
    r"facet: \d+ frames, [\d.]+ frames/s",
)
ROW = r"[-\dT:.Z]+,[-\dT:.Z]+,demo,(run,(begin,[^,]*|end,),|(visits|refused),,,\d*" + (
    r"|attribute,(Smiling|Eyeglasses|Wearing_Hat),(yes|no),\d+|dwell,,\d+\.\.\d*,\d+)"
)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def get(port, path):
    """Return (status, body) of an address; (0, b"") while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
    except OSError:
        return 0, b""


def until(condition, process):
    end_s = time.monotonic() + LIMIT_S
    while not condition():
        assert process.poll() is None and time.monotonic() < end_s
        time.sleep(0.1)


def events(port):
    """Return the events of the page up to the second status."""
    text = b""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/events", timeout=20) as stream:
        while text.count(b"event: status") < 2:
            text += stream.readline()
    return text.decode()


def frames(metrics_port):
    found = re.search(rb"^facet_frames_total (\S+)", get(metrics_port, "/metrics")[1], re.M)
    return float(found.group(1)) if found else 0.0


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """Return what a run left: files, answers, events, metrics, what systemd heard, journal."""
    folder = tmp_path_factory.mktemp("run")
    web, metrics = free_ports(2)
    (folder / "facet.toml").write_text(SETTINGS.format(web=web, metrics=metrics))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0facet-test-{os.getpid()}")
        systemd.settimeout(0.1)
        surroundings = {
            "PYTHONPATH": str(ROOT),
            "NOTIFY_SOCKET": f"@facet-test-{os.getpid()}",
            "WATCHDOG_USEC": "2000000",
        }
        command = [sys.executable, "-m", "device.run", "--camera", "demo", "--config", "facet.toml"]
        with subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                until(lambda: frames(metrics) >= FRAMES, process)
                answers = {path: get(web, path) for path in PATHS}
                heard = events(web)
                scraped = get(metrics, "/metrics")[1].decode()
                until(lambda: (folder / "facet.prom").exists(), process)
                during = {path.name for path in folder.iterdir()}
                process.send_signal(signal.SIGINT)
                out, journal = process.communicate(timeout=LIMIT_S)
            finally:
                process.kill()
        assert process.returncode == 0, journal
        told = []
        with contextlib.suppress(TimeoutError):  # the first messages: the others find no room
            while True:
                told.append(systemd.recv(4096))
    counts = (folder / "counts.csv").read_text().splitlines()
    return during, answers, heard, scraped, out, journal.splitlines(), told, counts


def test_it_writes_the_file_of_counts_and_no_other(left):
    during, *_, counts = left
    assert during == {"facet.toml", "counts.csv", "facet.prom"}
    assert counts[0] == "end,start,source,kind,name,value,visits"
    assert [row for row in counts[1:] if not re.fullmatch(ROW, row)] == []
    groups = [int(row.rsplit(",", 1)[1] or 0) for row in counts[1:]]
    assert all(count == 0 or count >= 3 for count in groups)


def test_the_page_tells_of_the_computer_only(left):
    _, answers, heard, *_ = left
    codes = {path: code for path, (code, _) in answers.items()}
    refused = {"/api/faces", "/snapshot.jpg", "/stream.mjpg"}
    assert codes == {path: 403 if path in refused else 200 for path in PATHS}
    status = json.loads(answers["/api/status"][1])
    assert set(status) == STATUS
    assert (status["age_s"], status["lines"], status["visits_today"]) == (None, [], 0)
    assert {hour["visits"] for hour in json.loads(answers["/api/counts"][1])["hours"]} == {0}
    news = re.findall(r"^event: (\w+)\ndata: (.*)$", heard, re.M)
    assert [kind for kind, _ in news] == ["status"] * len(news)
    for _, data in news:
        assert set(json.loads(data)) <= STATUS


def test_metrics_systemd_and_journal_tell_of_no_face(left):
    _, _, _, scraped, out, journal, told, _ = left
    names = set(re.findall(r"^(facet_\w+)", scraped, re.M))
    assert not [name for name in names if re.search("face(s|_)|visit|stage|age|cpu", name[6:])]
    assert out == ""
    lines = [line for line in journal if not any(re.fullmatch(one, line) for one in LINES)]
    assert lines == [] and len(journal) > len(LINES)
    said = {line for message in told for line in message.decode().splitlines()}
    assert "READY=1" in said
    # ERRNO: of timedatectl and the like, which the doctor asks and which find no systemd here
    plain = r"ERRNO=\d+|READY=1|WATCHDOG=1|STOPPING=1|STATUS=(stopping|demo, [\d.]+ frames/s)"
    assert [line for line in said if not re.fullmatch(plain, line)] == []
