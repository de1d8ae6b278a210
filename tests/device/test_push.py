"""Push messages through apprise to a server on this computer."""

import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from device.errors import UsageError
from device.push import PushMessages

pytest.importorskip("apprise", reason="no apprise: pip install -r requirements-push.txt")
# apprise imports it on Python 3.11 and 3.12, when it loads its services.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
LONG_S = 30.0


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps the JSON that it gets; answers with `status`, after `gate` is set."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got, self.status, self.gate = [], 200, threading.Event()
        self.gate.set()

    @property
    def port(self) -> int:
        return self.server_address[1]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((body["title"], body["message"]))
        self.server.gate.wait(LONG_S)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.gate.set()
        server.shutdown()


@pytest.fixture
def urls(tmp_path, receiver):
    path = tmp_path / "urls.txt"
    path.write_text(f"# this computer\n\njson://user:s3cret@127.0.0.1:{receiver.port}/hook\n")
    return path


def logged(caplog):
    return [record.message for record in caplog.records if record.name == "facet"]


def until(condition):
    end_s = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def test_without_messages_nothing_is_sent(receiver, urls, caplog):
    with PushMessages(urls):
        pass
    assert receiver.got == [] and caplog.text == ""


def test_messages_arrive_in_order_and_before_the_end(receiver, urls, caplog):
    with PushMessages(urls) as push:
        for number in range(5):
            push.send("Facet", f"message {number}")
    assert receiver.got == [("Facet", f"message {number}") for number in range(5)]
    assert (push.sent, push.lost) == (5, 0) and caplog.text == ""


def test_text_arrives_as_it_is_without_control_characters(receiver, urls):
    with PushMessages(urls) as push:
        push.send("a\nb\x1b[0m", "<b>1 < 2</b>\n*two*\x07")
    assert receiver.got == [("a\\nb\\x1b[0m", "<b>1 < 2</b>\n*two*\\x07")]


def test_a_slow_service_holds_up_nobody_and_loses_the_oldest(receiver, urls, caplog):
    receiver.gate.clear()
    with PushMessages(urls, queue=3) as push:
        push.send("", "first")
        until(lambda: receiver.got)
        started_s = time.monotonic()
        for number in range(10):
            push.send("", f"message {number}")
        assert time.monotonic() - started_s < 1
        receiver.gate.set()
    assert [body for _, body in receiver.got] == ["first", *(f"message {n}" for n in (7, 8, 9))]
    assert (push.sent, push.lost) == (4, 7)
    slower = "not sent: the services are slower than the messages"
    assert logged(caplog) == [f"1 push message {slower}", f"6 push messages {slower}"]


def test_a_refused_message_is_one_line_without_the_address(receiver, urls, caplog):
    receiver.status = 500
    with PushMessages(urls) as push:
        push.send("Facet", "hello")
    (message,) = logged(caplog)
    assert message.startswith("1 push message not sent: ")
    assert "500" in message and "s3cret" not in caplog.text and push.lost == 1


def test_a_service_that_hangs_is_given_up(receiver, tmp_path, caplog):
    receiver.gate.clear()
    path = tmp_path / "urls.txt"
    path.write_text(f"json://127.0.0.1:{receiver.port}/?rto=0.2&cto=0.2")
    with PushMessages(path) as push:
        push.send("Facet", "hello")
        until(lambda: push.lost)
    assert len(logged(caplog)) == 1 and push.sent == 0


def test_nobody_listening_is_one_line_a_minute(tmp_path, caplog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        path, now_s = tmp_path / "urls.txt", [0.0]
        path.write_text(f"json://127.0.0.1:{taken.getsockname()[1]}")
        with PushMessages(path, clock=lambda: now_s[0]) as push:
            for number in range(1, 6):
                push.send("", "hello")
                until(lambda number=number: push.lost == number)
                now_s[0] = 70.0 if number >= 3 else 0.0
    lines = [message.partition(":")[0] for message in logged(caplog)]
    assert lines == [
        "1 push message not sent",
        "3 push messages not sent",
        "1 push message not sent",
    ]


def test_what_waits_at_the_end_is_given_up_and_counted(receiver, urls, caplog):
    receiver.gate.clear()
    push = PushMessages(urls, close_s=0.0)
    with push:
        push.send("", "first")
        until(lambda: receiver.got)
        push.send("", "second")
        push.send("", "third")
        threading.Timer(0.3, receiver.gate.set).start()
    assert (push.sent, push.lost) == (1, 2)
    assert logged(caplog) == ["2 push messages not sent: Facet has ended"]


@pytest.mark.parametrize(
    "text, message",
    [
        (None, "cannot read the push addresses"),
        ("", "names no push service"),
        ("# none\n", "names no push service"),
        ("json://127.0.0.1\nbogus://s3cret\n", "line 2 is no address of a push service"),
        ("mailto:s3cret\n", "line 1 is no address of a push service"),
    ],
)
def test_a_wrong_file_is_one_line_without_its_passwords(tmp_path, text, message, capsys):
    path = tmp_path / "urls.txt"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError) as error:
        PushMessages(path)
    assert message in str(error.value) and "s3cret" not in str(error.value)
    assert "s3cret" not in capsys.readouterr().err


def test_without_apprise_the_hint_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(UsageError, match=r"requirements-push\.txt"):
        PushMessages(tmp_path / "urls.txt")


def test_importing_the_module_imports_no_apprise():
    code = "import sys, device.push; assert not {'apprise', 'requests'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
