"""RTSP cameras, on a server that answers as good and bad cameras do."""

import gc
import os
import resource
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.camera.address import parse
from device.camera.network import NetworkCamera
from device.camera.rtsp_messages import Answers
from device.camera.rtsp_relay import Relay
from device.errors import SourceError
from device.settings import CameraSettings
from tests.device.camera.wire import RtspServer, certificate, web


def opened(server, path="live/ch1", scheme="rtsp", login="user:se@cr/et@", **settings):
    url = f"{scheme}://{login}127.0.0.1:{server.port}/{path}"
    camera = NetworkCamera(url, CameraSettings(**settings))
    camera.open()
    return camera


def refused(server, **settings):
    with pytest.raises(SourceError) as fault:
        opened(server, **settings)
    assert "cr/et" not in str(fault.value)
    return str(fault.value)


def test_pictures_come_through_with_user_and_password():
    with RtspServer("user", "se@cr/et") as server:
        camera = opened(server)
        assert camera.mode == "64x48, 20 frames/s"
        assert camera.name == f"rtsp://127.0.0.1:{server.port}/live/ch1"
        assert [round(camera.read().mean()) for _ in range(3)] == [40, 41, 42]
        camera.close()
    base = f"rtsp://127.0.0.1:{server.port}/live/ch1"
    assert all(uri.startswith(base) for _, uri, _ in server.requests)
    assert not server.requests[0][2]  # not sent before it is asked for


def test_a_stream_that_ends_has_dropped():
    with RtspServer(frames=3) as server:
        camera = opened(server, login="")
        with pytest.raises(SourceError, match="dropped"):
            for _ in range(10):
                camera.read()
        camera.close()


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"DESCRIBE": b"RTSP/1.0 404 Not Found\r\nCSeq: {cseq}\r\n\r\n"}, "has no such path (404)"),
        ({"SETUP": b"RTSP/1.0 461 No\r\nCSeq: {cseq}\r\n\r\n"}, "sends only UDP, and Facet reads"),
        (
            {
                "SETUP": b"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nSession: 1\r\n"
                b"Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001\r\n\r\n"
            },
            "sends only UDP, and Facet reads",
        ),
        ({"SETUP": b"RTSP/1.0 500 No\r\nCSeq: {cseq}\r\n\r\n"}, "answers with status 500"),
        ({"DESCRIBE": b"RTSP/1.0 403 No\r\nCSeq: {cseq}\r\n\r\n"}, "forbids access (403)"),
        (
            {"DESCRIBE": b"RTSP/1.0 401 No\r\nCSeq: {cseq}\r\nWWW-Authenticate: Other x\r\n\r\n"},
            "refuses user and password (401)",
        ),
        (
            {"DESCRIBE": b"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nContent-Length: 2000000000\r\n\r\n"},
            "promises an answer of 2000000000 bytes",
        ),
        ({"OPTIONS": b"A" * 200_000}, "does not answer as RTSP demands"),
        ({"OPTIONS": lambda peer: peer.close() or b""}, "dropped"),
    ],
)
def test_each_fault_has_its_words(answers, words):
    with RtspServer(answers=answers) as server:
        assert words in refused(server)


def test_a_wrong_password_has_its_words():
    with RtspServer("user", "other") as server:
        assert "refuses user and password (401)" in refused(server)


def test_a_camera_that_is_silent_or_absent(monkeypatch):
    monkeypatch.setattr("device.camera.rtsp.TIMEOUT_MS", 300)
    with RtspServer(answers={"OPTIONS": b""}) as server:
        assert "does not answer within 5 s" in refused(server)
    assert "refuses connections" in refused(server)


@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"])
@pytest.mark.parametrize("status", ["301 Moved", "302 Found"])
def test_a_redirect_is_not_followed(method, status):
    with web({}) as other:
        there = f"rtsp://127.0.0.1:{other.server_port}/secret"
        answer = f"RTSP/1.0 {status}\r\nCSeq: {{cseq}}\r\nLocation: {there}\r\n\r\n".encode()
        with RtspServer(answers={method: answer}) as server:
            assert f"redirects to rtsp://127.0.0.1:{other.server_port}." in refused(server)
        assert other.hits == []


def test_an_answer_that_never_ends_takes_no_memory():
    def endless(peer):
        peer.sendall(b"RTSP/1.0 200 OK\r\nContent-Length: 2000000000\r\n\r\n")
        for _ in range(200):
            peer.sendall(b"x" * (1 << 20))
        return b""

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with RtspServer(answers={"DESCRIBE": endless}) as server:
        assert "promises an answer" in refused(server)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # kB


def test_packets_without_a_picture_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("device.camera.rtsp_relay.MAX_SILENT_BYTES", 1 << 20)
    packet = b"$\0" + (60_000).to_bytes(2) + b"\x80\x1a" + b"\0" * 59_998
    with RtspServer() as server:
        server._play = lambda peer: [peer.sendall(packet) for _ in range(1000)]
        assert "sends 1 MB and no picture" in refused(server)


def test_certificates_are_verified(tmp_path):
    pem, context = certificate(tmp_path)
    with RtspServer("user", "se@cr/et", context=context) as server:
        assert "its certificate is not trusted (self-signed" in refused(server, scheme="rtsps")
        assert not server.requests
        camera = opened(server, scheme="rtsps", ca_file=pem)
        assert camera.read().shape == (48, 64, 3)
        camera.close()


def test_another_program_gets_nothing_through_the_relay():
    with RtspServer() as server:
        address = parse(f"rtsp://127.0.0.1:{server.port}/live")
        relay = Relay(address, CameraSettings(), address.name)
        port = int(relay.url.split(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), 5) as intruder:
            intruder.sendall(b"DESCRIBE rtsp://127.0.0.1/live RTSP/1.0\r\nCSeq: 1\r\n\r\n")
            assert intruder.recv(100) == b""
        assert not server.requests
        relay.close()


def test_opening_again_leaves_nothing_open():
    gc.collect()
    files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    with RtspServer() as server:
        for _ in range(2):
            camera = opened(server, login="")
            camera.read()
            camera.close()
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == (files, threads)


def test_cancelling_ends_a_read():
    with RtspServer(frames=60) as server:
        server._play, play = lambda peer: (play(peer), server._stop.wait(60)), server._play
        camera = opened(server, login="")
        for _ in range(50):
            camera.read()
        cancelled_s = []
        threading.Timer(
            1.0, lambda: (cancelled_s.append(time.monotonic()), camera.cancel())
        ).start()
        with pytest.raises(SourceError):
            for _ in range(20):
                camera.read()
        assert cancelled_s and time.monotonic() - cancelled_s[0] < 3  # a read gives up after 5 s
        camera.close()


packets = st.binary(max_size=300).map(lambda data: b"$\0" + len(data).to_bytes(2) + data)
messages = st.binary(max_size=300).map(
    lambda body: b"RTSP/1.0 200 OK\r\ncontent-length:%d\r\n\r\n%s" % (len(body), body)
)


@given(st.lists(packets | messages), st.lists(st.integers(1, 200)))
def test_answers_are_divided_wherever_they_are_cut(parts, cuts):
    data, answers, got = b"".join(parts), Answers("cam"), b""
    for cut in [*cuts, len(data)]:
        piece, data = data[:cut], data[cut:]
        for part in answers.feed(piece):
            assert part.startswith((b"$", b"RTSP/"))
            got += part
    for part in answers.feed(data):
        got += part
    assert got == b"".join(parts)
