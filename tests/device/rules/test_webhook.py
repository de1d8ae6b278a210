"""Webhooks against real servers on this computer: signed, repeated, given up, never in the way."""

import hashlib
import hmac
import http.server
import json
import socket
import threading
import time

import pytest

pytest.importorskip("httpx", reason="pip install -r requirements-rules.txt")

from device.errors import FacetError, UsageError
from device.rules.actions.webhook import ATTEMPTS, MAX_PAUSE_S, Webhook, pause_s, signature
from tests.device.rules.made_up import firing, rule


class Receiver:
    """A server that keeps what it gets and answers with the next of `statuses`."""

    def __init__(self, *statuses, headers=()):
        self.got, statuses_left = [], list(statuses)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, dict(self.headers), body))
                self.send_response(statuses_left.pop(0) if statuses_left else 204)
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/smile?key=abc"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def webhook(url, **values):
    return Webhook(rule(do="webhook", url=url, **values), pause_s=lambda attempt: 0.0)


def post(url, **values):
    with webhook(url, **values) as hook:
        made = firing(name="smile")
        hook.act(made, threading.Event())
        return made


def test_it_posts_json_without_a_picture():
    with Receiver() as receiver:
        made = post(receiver.url)
    ((path, headers, body),) = receiver.got
    assert path == "/smile?key=abc" and json.loads(body) == made.record()
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Facet-Delivery"] == made.id and "X-Facet-Signature" not in headers


def test_the_signature_is_the_hmac_of_the_body_with_the_secret(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    with Receiver() as receiver:
        post(receiver.url, secret_file=secret)
    ((_, headers, body),) = receiver.got
    expected = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert headers["X-Facet-Signature"] == f"sha256={expected}" == signature(b"s3cret", body)


@pytest.mark.parametrize("content", [None, "", "  \n"])
def test_a_secret_that_is_missing_or_empty_is_named(tmp_path, content):
    path = tmp_path / "secret"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match=r"secret .*secret.*\. Try: openssl rand"):
        webhook("http://127.0.0.1/", secret_file=path)


def test_what_may_pass_is_tried_again_with_the_same_id():
    with Receiver(503, 429, 200) as receiver:
        made = post(receiver.url)
    assert [headers["X-Facet-Delivery"] for _, headers, _ in receiver.got] == [made.id] * 3


def test_it_gives_up_after_four_attempts():
    with Receiver(*[500] * 9) as receiver, pytest.raises(FacetError, match="answered 500"):
        post(receiver.url)
    assert len(receiver.got) == ATTEMPTS


def test_a_refusal_is_not_repeated():
    with Receiver(404) as receiver, pytest.raises(FacetError, match="answered 404") as caught:
        post(receiver.url)
    assert len(receiver.got) == 1 and "key=abc" not in str(caught.value)


def test_redirects_are_not_followed():
    """What was meant for one host is not sent to another that it names."""
    with Receiver() as other:
        redirecting = Receiver(307, headers=[("Location", other.url)])
        with redirecting as receiver, pytest.raises(FacetError, match="answered 307"):
            post(receiver.url)
        assert other.got == []


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(FacetError, match=f"http://127.0.0.1:{port} cannot be reached"):
        post(f"http://127.0.0.1:{port}/")


def test_a_receiver_that_hangs_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        port, began_s = silent.getsockname()[1], time.monotonic()
        with pytest.raises(FacetError, match=r"did not answer within 0\.1 s"):
            post(f"http://127.0.0.1:{port}/", timeout_s=0.1)
        assert time.monotonic() - began_s < 10


def test_an_answer_without_an_end_is_left_after_its_head():
    def serve():
        connection, _ = server.accept()
        with connection:
            connection.recv(9999)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            ended.wait(20)

    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            post(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout_s=5)
        finally:
            ended.set()
            thread.join()


def test_a_stop_ends_the_pauses():
    stopping = threading.Event()
    stopping.set()
    with Receiver(503) as receiver:
        hook = Webhook(rule(do="webhook", url=receiver.url), pause_s=lambda attempt: 3600.0)
        with hook, pytest.raises(FacetError, match="answered 503"):
            hook.act(firing(), stopping)
    assert len(receiver.got) == 1


def test_pauses_grow_with_jitter_up_to_a_limit():
    for attempt, longest_s in ((1, 1.0), (2, 2.0), (3, 4.0), (30, MAX_PAUSE_S)):
        pauses = {pause_s(attempt) for _ in range(50)}
        assert all(longest_s / 2 <= one <= longest_s for one in pauses) and len(pauses) > 40


@pytest.mark.parametrize("url", ["http://[::1", "http://pi:99999/", "http://:80/"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(UsageError, match="no address of a webhook"):
        webhook(url)


def test_the_environment_sends_it_nowhere_else(monkeypatch):
    with Receiver() as proxy, Receiver() as receiver:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        post(receiver.url)
        assert len(receiver.got) == 1 and proxy.got == []
