"""/metrics over HTTP: real clients, slow clients, other hosts, and a port that is taken."""

import contextlib
import http.client
import socket

import pytest

pytest.importorskip("prometheus_client", reason="pip install -r requirements-metrics.txt")

from device.errors import FacetError, UsageError
from device.metrics.collector import RunCollector, registry_of
from device.metrics.server import CONNECTIONS, LIMIT_S, MetricsServer, host_of, is_local
from tests.device.metrics.made_up import eventually, live_run


class Clock:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def server(clock):
    with MetricsServer(registry_of(RunCollector(live_run())), "127.0.0.1:0", clock) as server:
        yield server


def get(port, path="/metrics", method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_it_serves_the_metrics_and_nothing_else(server):
    status, text = get(server.port)
    assert status == 200 and "\nfacet_frames_total 0.0\n" in text
    for path in ("/", "/metrics/", "/../etc/passwd", "/%2e%2e/metrics"):
        status, text = get(server.port, path)
        assert status == 404 and text == "the metrics are at /metrics\n"
    assert get(server.port, method="POST")[0] == 405


@pytest.mark.parametrize(
    "host, status",
    [
        ("localhost", 200),
        ("localhost:9842", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:9842", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("192.168.1.7", 403),
    ],
)
def test_a_page_of_another_host_may_not_read_them(server, host, status):
    assert get(server.port, Host=host)[0] == status


def test_names_of_hosts():
    assert [host_of(text) for text in ("pi:80", "pi", "[::1]:80", "")] == ["pi", "pi", "::1", ""]
    assert is_local("127.9.9.9") and is_local("::1") and not is_local("0.0.0.0")


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        message = rf"cannot listen at {address}.*\. Try: another port"
        with pytest.raises(FacetError, match=message) as taken:
            MetricsServer(registry_of(RunCollector(live_run())), address)
    assert taken.value.exit_code == 1  # as for the web page


@pytest.mark.parametrize("address", ["192.0.2.1:1", f"{'a' * 64}:1"])
def test_an_address_that_is_not_this_computers_is_named(address):
    message = rf'cannot listen at {address}: .*Try: listen = "127\.0\.0\.1:1"'
    with pytest.raises(UsageError, match=message):
        MetricsServer(registry_of(RunCollector(live_run())), address)


def test_slow_clients_are_limited_and_then_closed(server, clock):
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(CONNECTIONS)]
    try:
        for one in slow:
            one.sendall(b"GET /metrics HTTP/1.0\r\nX-Slow: ")  # and never the end
        eventually(lambda: len(server._server._open) == CONNECTIONS)
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            get(server.port)
        clock.now_s += LIMIT_S + 1
        eventually(lambda: not server._server._open)
        assert get(server.port)[0] == 200
    finally:
        for one in slow:
            one.close()


def test_rubbish_and_huge_headers_end_their_own_connection_only(server, capfd):
    for rubbish in (
        b"\0\xff\r\n\r\n",
        b"GET /metrics HTTP/1.0\r\n" + b"a: b\r\n" * 500,
        b"G" * 99999,
    ):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        with client, contextlib.suppress(OSError):  # it may be closed before all is sent
            client.sendall(rubbish + b"\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            while client.recv(9999):
                pass
    assert get(server.port)[0] == 200
    assert "Traceback" not in capfd.readouterr().err
