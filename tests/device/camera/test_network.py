"""Network cameras, on an HTTP server that serves motion JPEG as a real one does."""

import http.server
import threading

import cv2
import numpy as np
import pytest

from device.camera import is_live
from device.camera.network import NetworkCamera
from device.camera.open import open_camera
from device.camera.reconnect import ReconnectingCamera
from device.errors import SourceError
from device.settings import CameraSettings

FRAMES = 12  # then the camera drops the connection


class MotionJpeg(http.server.BaseHTTPRequestHandler):
    """Gives frames that grow brighter, once per connection."""

    def do_GET(self):
        if self.path != "/cam.mjpg":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=facet")
        self.end_headers()
        for number in range(FRAMES):
            jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), number * 15, np.uint8))[1].tobytes()
            head = f"--facet\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + jpeg + b"\r\n")
            except OSError:  # the reader has gone
                return

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), MotionJpeg)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server, path="cam.mjpg"):
    return f"http://user:secret@127.0.0.1:{server.server_port}/{path}"


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


def test_a_stream_that_is_missing_at_the_start_is_an_error(server):
    with pytest.raises(
        SourceError, match=r"cannot open the stream http://127\S+/other. Try"
    ) as fault:
        ReconnectingCamera(NetworkCamera(address(server, "other")))
    assert "secret" not in str(fault.value)


def test_stop_ends_the_wait_for_a_reconnecting_stream(server):
    stream = ReconnectingCamera(NetworkCamera(address(server)), backoff_s=(60.0,))
    threading.Timer(0.3, stream.stop).start()
    with stream:
        assert len(list(stream)) == FRAMES


def test_a_stream_is_a_live_camera(server):
    with open_camera(CameraSettings(source=address(server))) as camera:
        assert is_live(camera) and camera.mode == "64x48, 25 frames/s"
        assert next(iter(camera)).bgr.shape == (48, 64, 3)
