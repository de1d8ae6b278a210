"""Network cameras over HTTP and HTTPS, on a server that answers as good and bad cameras do."""

import contextlib
import hashlib
import itertools
import logging
import os
import re
import resource
import threading
import time

import cv2
import numpy as np
import pytest

from device.camera import is_live
from device.camera.network import NetworkCamera, NetworkFilm
from device.camera.open import open_camera
from device.camera.reconnect import ReconnectingCamera
from device.errors import FacetError, SourceError, Stopped, UsageError
from device.settings import CameraSettings
from tests.device.camera.hostile import DRIPPING
from tests.device.camera.wire import MULTIPART, Page, certificate, jpeg, part, web

FRAMES = 12  # then the camera drops the connection


def film():
    """Frames that grow brighter."""
    return b"".join(part(jpeg(number * 15)) for number in range(FRAMES))


def stream(**options):
    return Page(film(), MULTIPART, length=False, **options)


@pytest.fixture
def server():
    with web({"/cam.mjpg": stream(), "/snap.jpg": Page(jpeg(80))}) as server:
        yield server


def address(server, path="cam.mjpg", scheme="http", host="127.0.0.1", login="user:secret@"):
    return f"{scheme}://{login}{host}:{server.server_port}/{path}"


def opened(url, **settings):
    camera = NetworkCamera(url, CameraSettings(**settings))
    camera.open()
    return camera


def refused(url, **settings):
    """Return the error of opening an address, in which there is no password."""
    with pytest.raises(FacetError) as fault:
        opened(url, **settings)
    assert "secret" not in str(fault.value)
    return str(fault.value)


def test_a_dropped_stream_is_reopened_and_its_frame_numbers_continue(server, capsys):
    levels = []
    with ReconnectingCamera(NetworkCamera(address(server)), backoff_s=(0.01,)) as stream:
        for frame in stream:
            assert frame.bgr.shape == (48, 64, 3) and frame.index == len(levels)
            levels.append(round(frame.bgr.mean() / 15))
            if len(levels) == 2 * FRAMES:
                stream.stop()
    assert levels == 2 * list(range(FRAMES))
    printed = capsys.readouterr().err
    assert printed.count("dropped, trying to open it again") == 1 and printed.count("is back") == 1


def test_the_name_has_no_password(server):
    with ReconnectingCamera(NetworkCamera(address(server))) as stream:
        assert stream.name == f"http://127.0.0.1:{server.server_port}/cam.mjpg"
        assert next(iter(stream)).source == stream.name
        stream.stop()


def test_the_name_of_the_settings_wins(server):
    settings = CameraSettings(source=address(server), name="front door")
    with open_camera(settings) as camera:
        assert camera.name == next(iter(camera)).source == "front door"


def test_stop_ends_the_wait_for_a_reconnecting_stream(server):
    stream = ReconnectingCamera(NetworkCamera(address(server)), backoff_s=(60.0,))
    threading.Timer(0.3, stream.stop).start()
    with stream:
        assert len(list(stream)) == FRAMES


def test_a_stream_is_a_live_camera(server):
    with open_camera(CameraSettings(source=address(server))) as camera:
        assert is_live(camera) and camera.mode == "64x48, 25 frames/s"
        assert next(iter(camera)).bgr.shape == (48, 64, 3)


@pytest.mark.parametrize("boundary", ["facet", "--facet", '"facet"'])
def test_motion_jpeg_without_lengths(boundary):
    parts = [b"--facet\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg(n) + b"\r\n" for n in (50, 90)]
    kind = f"multipart/x-mixed-replace; boundary={boundary}"
    with web({"/": Page(b"".join([*parts, b"--facet\r\n"]), kind, length=False)}) as server:
        camera = opened(address(server, ""))
        assert [round(camera.read().mean()) for _ in range(2)] == [50, 90]
        camera.close()


# What a camera answers, and the words for it.


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "refuses user and password (401). Try: [camera] user and password_file"),
        (403, "forbids access (403)"),
        (404, "has no such path (404)"),
        (500, "answers with status 500"),
    ],
)
def test_each_status_has_its_words(status, words):
    with web({"/cam.mjpg": Page(status=status)}) as server:
        assert words in refused(address(server))


def test_each_fault_of_the_network_has_its_words(monkeypatch):
    monkeypatch.setattr("device.camera.http_client.TIMEOUT_S", 0.2)
    assert "unknown host" in refused("http://user:secret@no-such-host.invalid/x")
    assert "refuses connections" in refused("http://user:secret@127.0.0.1:1/x")
    with web({"/cam.mjpg": lambda _: time.sleep(0.6) or Page()}) as server:
        assert "does not answer within" in refused(address(server))
    with web({"/cam.mjpg": Page(b"<html>", "text/html")}) as server:
        assert "answers with a web page, not with pictures" in refused(address(server))
    with web({"/cam.mjpg": Page(b"\0" * 5000, "application/octet-stream")}) as server:
        assert "is no stream that can be read" in refused(address(server))


def dripping(handler, begin):
    """An answer whose bytes come one by one, for as long as they are read."""
    with contextlib.suppress(OSError):
        handler.wfile.write(begin)
        while True:
            handler.wfile.write(b"a")
            handler.wfile.flush()
            time.sleep(0.05)


@pytest.mark.parametrize("kind", DRIPPING)
def test_an_answer_that_drips_is_given_up(monkeypatch, kind):
    for limit in ("http_client.ANSWER_S", "http_client.PICTURE_S", "http_stream.PICTURE_S"):
        monkeypatch.setattr(f"device.camera.{limit}", 0.4)
    monkeypatch.setattr("device.camera.byte_source.OPEN_S", 0.4)
    with web({"/x": lambda handler: dripping(handler, DRIPPING[kind]) or Page()}) as server:
        words = "does not answer within 0 s|gives no picture within 0 s"
        assert re.search(words, refused(address(server, "x")))


def test_a_stream_that_gives_nothing_is_not_open(monkeypatch):
    monkeypatch.setattr("device.camera.http_client.TIMEOUT_S", 0.2)

    def silence():
        time.sleep(0.5)
        yield b""

    pages = {
        "/silent": lambda _: Page(silence(), MULTIPART),
        "/empty": Page(b"", MULTIPART, length=False),
        "/text": Page(b"hello\r\n" * 100, MULTIPART, length=False),
        "/broken": Page(part(b"no jpeg") * 9, MULTIPART, length=False),
    }
    with web(pages) as server:
        assert "does not answer" in refused(address(server, "silent"))
        assert "dropped" in refused(address(server, "empty"))
        assert "sends no motion JPEG" in refused(address(server, "text"))
        assert "gives no usable picture (no whole JPEG)" in refused(address(server, "broken"))


def test_basic_and_digest_are_answered_and_only_when_asked():
    def digest(handler):
        given = handler.headers.get("Authorization", "")
        fields = dict(re.findall(r'(\w+)="?([^",]*)"?', given))
        if given.startswith("Digest"):
            user_hash = hashlib.md5(b"user:cam:secret").hexdigest()
            target_hash = hashlib.md5(f"GET:{fields['uri']}".encode()).hexdigest()
            middle = f"{fields['nonce']}:{fields['nc']}:{fields['cnonce']}:auth"
            wanted = hashlib.md5(f"{user_hash}:{middle}:{target_hash}".encode()).hexdigest()
            if fields["response"] == wanted and fields["nonce"] == "n1":
                return stream()
        asked = 'Digest realm="cam", nonce="n1", qop="auth", algorithm=MD5'
        return Page(status=401, WWW_Authenticate=asked)

    def basic(handler):
        if handler.headers.get("Authorization") == "Basic dXNlcjpzZWNyZXQ=":
            return stream()
        return Page(status=401, WWW_Authenticate='Basic realm="cam"')

    with web({"/digest": digest, "/basic": basic, "/cam.mjpg": stream()}) as server:
        for path in ("digest?a=1", "basic"):
            opened(address(server, path)).close()
            login = address(server, path, login="")
            with pytest.raises(SourceError, match="refuses user and password"):
                opened(login)
        opened(address(server)).close()
        assert server.hits[-1] == ("/cam.mjpg", "")


# Where a camera may lead.


def test_a_redirect_to_another_host_is_not_followed():
    with web({"/secret": stream()}) as other, web({}) as server:
        target = f"http://127.0.0.1:{other.server_port}/secret"
        targets = ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[bad/", "//evil.invalid/x"]
        for location in (target, target.replace("127.0.0.1", "localhost"), *targets):
            server.RequestHandlerClass.do_GET = lambda self, to=location: (
                self.send_response(302),
                self.send_header("Location", to),
                self.end_headers(),
            )
            assert re.search("redirects to (another|no address)", refused(address(server)))
        assert other.hits == []


def test_a_redirect_may_be_allowed_and_takes_no_password_along():
    with web({"/cam": stream()}) as other:
        to = Page(status=302, Location=f"http://127.0.0.1:{other.server_port}/cam")
        asked = Page(status=401, WWW_Authenticate='Basic realm="x"')
        with web({"/cam.mjpg": to}) as server:
            opened(address(server), other_hosts=True).close()
            other.RequestHandlerClass.do_GET = lambda self: (
                other.hits.append((self.path, self.headers.get("Authorization", ""))),
                self.send_response(asked.status),
                self.send_header("WWW-Authenticate", 'Basic realm="x"'),
                self.end_headers(),
            )
            assert "refuses user and password" in refused(address(server), other_hosts=True)
    assert {authorization for _, authorization in other.hits} == {""}


def test_a_redirect_on_the_camera_is_followed_but_not_for_ever():
    pages = {
        "/a": Page(status=301, Location="/cam.mjpg"),
        "/cam.mjpg": stream(),
        "/round": Page(status=302, Location="round"),
    }
    with web(pages) as server:
        opened(address(server, "a")).close()
        assert "redirects more than 3 times" in refused(address(server, "round"))


def transport_stream(path, frames=30):
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 48)
    )
    for number in range(frames):
        writer.write(np.full((48, 64, 3), 60 + 4 * number % 180, np.uint8))
    writer.release()
    return path.read_bytes()


def test_a_playlist_of_the_camera_is_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENCV_LOG_LEVEL", "SILENT")
    content = transport_stream(tmp_path / "a.ts")
    head = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:0\n"
    kind = "application/vnd.apple.mpegurl"
    pages = {
        "/main.m3u8": Page(b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/live.m3u8\n", kind),
        "/low/live.m3u8": Page(f"{head}#EXTINF:3,\na.ts\n#EXT-X-ENDLIST\n".encode(), kind),
        "/low/a.ts": Page(content, "video/mp2t"),
    }
    with web(pages) as server:
        camera = open_camera(CameraSettings(source=address(server, "main.m3u8")))
        with camera:
            assert isinstance(camera, NetworkFilm) and len(list(camera)) == 30


def test_a_playlist_that_points_elsewhere_is_not_followed():
    with web({"/secret": stream()}) as other:
        kind = "application/vnd.apple.mpegurl"
        there = f"http://127.0.0.1:{other.server_port}/secret"
        head = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n"
        pages = {
            f"/{number}.m3u8": Page(f"{head}{text}\n".encode(), kind)
            for number, text in enumerate(
                [
                    f"#EXTINF:3,\n{there}",
                    f"#EXT-X-STREAM-INF:BANDWIDTH=1\n{there}",
                    f'#EXT-X-MAP:URI="{there}"\n#EXTINF:3,\na.ts',
                    "#EXTINF:3,\nfile:///etc/passwd",
                    "#EXTINF:3,\nconcat:http://127.0.0.1/|/etc/passwd",
                ]
            )
        }
        with web(pages) as server:
            for path in pages:
                assert "has a playlist of" in refused(address(server, path[1:]))
        assert other.hits == []


@pytest.mark.parametrize("kind", ["video/mp4", "application/octet-stream", "text/plain"])
@pytest.mark.parametrize(
    "body",
    [
        b"ffconcat version 1.0\nfile http://127.0.0.1:PORT/secret\n" + b"#\n" * 50,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nhttp://127.0.0.1:PORT/secret\n",
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        b"m=video PORT RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
    ],
)
def test_no_content_makes_ffmpeg_open_another_address(kind, body, monkeypatch):
    monkeypatch.setenv("OPENCV_LOG_LEVEL", "SILENT")
    with web({"/secret": stream()}) as other:
        page = Page(body.replace(b"PORT", str(other.server_port).encode()), kind)
        with web({"/x": page}) as server:
            assert re.search("is no stream|playlist of another", refused(address(server, "x")))
        assert other.hits == []


# Certificates.


def test_certificates_are_verified(tmp_path, capsys):
    pem, context = certificate(tmp_path)
    _, wrong = certificate(tmp_path, "elsewhere", "")
    with web({"/cam.mjpg": stream()}, context) as server:
        url = address(server, scheme="https")
        assert "its certificate is not trusted (self-signed" in refused(url)
        assert server.hits == []
        opened(url, ca_file=pem).close()
        opened(url, tls_verify=False).close()
        assert "is not verified (tls_verify is off)" in capsys.readouterr().err
    with web({"/cam.mjpg": stream()}, wrong) as server:
        url = address(server, scheme="https")
        trusted = tmp_path / "elsewhere.pem"
        assert "its certificate is not trusted" in refused(url, ca_file=trusted)
    assert "cannot read the certificates" in refused(url, ca_file=tmp_path / "none.pem")
    os.mkfifo(tmp_path / "pipe")
    assert "it is a pipe" in refused(url, ca_file=tmp_path / "pipe")


def test_a_server_without_encryption_under_https(server):
    assert "no encrypted connection" in refused(address(server, scheme="https"))


# Sizes.


def test_a_picture_beyond_the_limit_is_dropped_before_it_is_decoded(capsys):
    good, big = jpeg(80), jpeg(0, 4000, 3000)
    huge = good.replace((48).to_bytes(2) + (64).to_bytes(2), (16000).to_bytes(2) * 2)
    assert huge != good
    parts = part(good) + part(huge) + part(big) + part(good)
    with web({"/cam.mjpg": Page(parts, MULTIPART, length=False)}) as server:
        camera = opened(address(server))
        assert camera.read().shape == (48, 64, 3) and camera.read() is None
        assert camera.read().shape == (3000, 4000, 3) and camera.read() is not None
        small = opened(address(server), max_megapixels=0.1)
        assert [small.read() is None for _ in range(4)] == [False, True, True, False]
    assert capsys.readouterr().err.count("a picture was dropped (16000x16000, more than") == 2


def test_a_part_that_promises_too_much_is_not_read(monkeypatch):
    head = b"--facet\r\nContent-Length: 2000000000\r\n\r\n"
    with web({"/cam.mjpg": Page(head, MULTIPART, length=False)}) as server:
        assert "sends a picture of 1907 MB" in refused(address(server))
    monkeypatch.setattr("device.camera.http_stream.MAX_BYTES", 1 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    endless = itertools.chain([b"--facet\r\n\r\nx"], itertools.repeat(b"\0" * (1 << 20), 64))
    with web({"/cam.mjpg": lambda _: Page(endless, MULTIPART, length=False)}) as server:
        refused(address(server))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_a_stream_without_a_picture_is_not_read_for_ever(monkeypatch):
    monkeypatch.setenv("OPENCV_LOG_LEVEL", "SILENT")
    monkeypatch.setattr("device.camera.byte_source.MAX_SILENT_BYTES", 1 << 20)
    packet = b"\x47\x1f\xff\x10" + b"\xff" * 184  # of MPEG-TS, empty
    with web({"/x": lambda _: Page(itertools.repeat(packet * 100), "video/mp2t")}) as server:
        assert "sends 1 MB without a picture" in refused(address(server, "x"))


# Single pictures and films.


def test_an_address_of_single_pictures_is_asked_at_a_rate(server):
    settings = CameraSettings(source=address(server, "snap.jpg"), snapshot_fps=20)
    with open_camera(settings) as camera:
        began_s, frames = time.monotonic(), iter(camera)
        pictures = [next(frames) for _ in range(6)]
        took_s = time.monotonic() - began_s
    assert is_live(camera) and camera.fps == 20 and camera.mode == "64x48, 20 frames/s"
    assert took_s > 0.2 and pictures[-1].bgr.mean() == 80
    assert len(server.hits) <= 2 + took_s * 20 + 2


def test_a_picture_is_known_by_its_content():
    with web({"/x": Page(jpeg(80), "application/octet-stream")}) as server:
        camera = opened(address(server, "x"), snapshot_fps=7)
        assert camera.fps == 7 and not camera.finite
        camera.close()


def test_a_film_ends_with_all_its_frames(tmp_path):
    for ending, kind in (("mp4", "video/mp4"), ("mkv", "application/octet-stream")):
        content = transport_stream(tmp_path / f"a.{ending}", 20)
        page = Page(content, kind, Accept_Ranges="bytes")
        with web({"/film": page}) as server:
            with open_camera(CameraSettings(source=address(server, "film"))) as camera:
                frames = list(camera)
            assert not is_live(camera) and len(frames) == 20
            assert [frame.at_s for frame in frames[:3]] == [0.0, 0.1, 0.2]


def test_a_film_that_is_waited_for_ends_with_all_its_frames(tmp_path, monkeypatch):
    monkeypatch.setattr("device.camera.reconnect.BACKOFF_S", (0.05,))
    content, asked = transport_stream(tmp_path / "a.mp4", 20), []

    def later(_):
        asked.append(1)
        return Page(content, "video/mp4") if len(asked) > 2 else Page(status=404)

    with (
        web({"/film": later}) as server,
        open_camera(CameraSettings(source=address(server, "film"), wait=True)) as camera,
    ):
        frames = list(camera)
    assert len(frames) == 20 and [frame.index for frame in frames] == list(range(20))
    assert frames[19].at_s - frames[0].at_s == pytest.approx(1.9)


def test_a_film_with_its_index_at_the_end_needs_a_server_of_parts(tmp_path):
    content = transport_stream(tmp_path / "a.mp4", 200) + bytes(1 << 20)
    assert content.find(b"moov") > content.find(b"mdat")
    with (
        web({"/film": Page(content, "video/mp4")}) as server,
        pytest.raises(SourceError, match=r"its index at its end.*Try: download it"),
    ):
        opened(address(server, "film"))
    with web({"/film": Page(content, "video/mp4", Accept_Ranges="bytes")}) as server:
        opened(address(server, "film")).close()


def test_a_film_that_breaks_off_is_an_error(tmp_path):
    content = transport_stream(tmp_path / "a.mkv", 200)
    page = Page(content[: len(content) // 2], "video/x-matroska", length=False)
    page.headers["Content-Length"] = str(len(content))
    with web({"/film": page}) as server:
        server.RequestHandlerClass.send_header = lambda self, name, value: (
            self._headers_buffer.append(
                f"{name}: {len(content) if name == 'Content-Length' else value}\r\n".encode()
            )
        )
        with (
            open_camera(CameraSettings(source=address(server, "film"))) as camera,
            pytest.raises(SourceError, match="dropped"),
        ):
            list(camera)


# Stopping.


@pytest.mark.parametrize("path", ["open", "read"])
def test_a_stop_does_not_wait_for_a_silent_camera(path):
    quiet = threading.Event()

    def never():
        if path == "read":
            yield part(jpeg(80))
        quiet.wait(20)
        yield b""

    stop = threading.Event()
    with web({"/cam.mjpg": lambda _: Page(never(), MULTIPART, length=False)}) as server:
        threading.Timer(0.4, stop.set).start()
        began_s = time.monotonic()
        with contextlib.suppress(Stopped):
            settings = CameraSettings(source=address(server))
            with open_camera(settings, stop.is_set) as camera:
                assert len(list(camera)) <= 1
        assert time.monotonic() - began_s < 15  # `never` waits for 20
        quiet.set()


def test_a_password_in_the_process_list_is_warned_of(server, monkeypatch, caplog):
    url = address(server)
    with caplog.at_level(logging.WARNING, "facet"):
        opened(url).close()
        assert "process list" not in caplog.text
        monkeypatch.setattr("sys.argv", ["run", "--camera", url])
        opened(url).close()
    log = logging.getLogger("facet")
    assert not log.propagate or "password can be read in the process list" in caplog.text


def test_a_malformed_address_is_a_wrong_usage():
    with pytest.raises(UsageError, match="address is malformed"):
        open_camera(CameraSettings(source="http://cam:port/"))
