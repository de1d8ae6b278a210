"""Cameras on this computer's network: an HTTP(S) server and an RTSP server, friendly or hostile."""

import base64
import contextlib
import http.server
import socket
import ssl
import subprocess
import threading

import cv2
import numpy as np


def jpeg(level=0, width=64, height=48, quality=95):
    """A grey JPEG, baseline with the standard tables."""
    picture = np.full((height, width, 3), level, np.uint8)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def part(content):
    head = f"--facet\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content + b"\r\n"


MULTIPART = "multipart/x-mixed-replace; boundary=facet"


class Page:
    """An answer: status, headers, and a body: bytes, or an iterable of them."""

    def __init__(self, body=b"", kind="image/jpeg", status=200, length=True, **headers):
        self.body, self.status = body, status
        self.headers = {"Content-Type": kind} | {k.replace("_", "-"): v for k, v in headers.items()}
        if length and isinstance(body, bytes):
            self.headers["Content-Length"] = str(len(body))


@contextlib.contextmanager
def web(pages, context=None):
    """Serve {path: Page, or function of the request's handler}; yields the server, with `hits`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.partition("?")[0]
            server.hits.append((self.path, self.headers.get("Authorization", "")))
            page = pages.get(path, Page(status=404))
            page = page(self) if callable(page) else page
            body, status = page.body, page.status
            span = self.headers.get("Range")
            if span and "Accept-Ranges" in page.headers and status == 200:
                start = int(span.removeprefix("bytes=").rstrip("-"))
                body, status = body[start:], 206
            self.send_response(status)
            for name, value in page.headers.items():
                self.send_header(name, str(len(body)) if name == "Content-Length" else value)
            self.end_headers()
            with contextlib.suppress(OSError):  # the reader has gone
                for piece in [body] if isinstance(body, bytes) else body:
                    self.wfile.write(piece)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.hits = []
    server.handle_error = lambda *_: None  # a client that gives up on a handshake
    if context:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def certificate(folder, name="localhost", address="127.0.0.1", days=2):
    """Make a self-signed certificate; returns (PEM file, server's context)."""
    key, pem = folder / f"{name}.key", folder / f"{name}.pem"
    names = f"subjectAltName=DNS:{name}" + (f",IP:{address}" if address else "")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-keyout", key, "-out", pem, "-days", str(days), "-subj", f"/CN={name}"]
    subprocess.run([*command, "-addext", names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    return pem, context


class RtspServer:
    """An RTSP camera that sends grey motion JPEG over its TCP connection (RFC 2326, 2435).

    user and password: asked for by Basic. answers: {method: bytes sent in place of the usual}.
    """

    def __init__(self, user="", password="", answers=None, context=None, frames=40):
        self.user, self.password, self.frames = user, password, frames
        self.answers, self.context = answers or {}, context
        self.requests = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self):
        while not self._stop.is_set():
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(peer,)))
            self._threads[-1].start()

    def _serve(self, peer):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            peer.settimeout(5)
            if self.context:
                peer = self.context.wrap_socket(peer, server_side=True)
            stack.enter_context(peer)
            data = b""
            while not self._stop.is_set():
                while b"\r\n\r\n" not in data:
                    received = peer.recv(4096)
                    if not received:
                        return
                    data += received
                head, _, data = data.partition(b"\r\n\r\n")
                lines = head.decode().split("\r\n")
                method, uri, _ = lines[0].split(" ")
                fields = {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in lines[1:])}
                self.requests.append((method, uri, fields.get("authorization", "")))
                if self._answer(peer, method, uri, fields):
                    self._play(peer)
                    return

    def _answer(self, peer, method, uri, fields):
        sequence = fields["cseq"]
        if method in self.answers:
            answer = self.answers[method]
            answer = answer(peer) if callable(answer) else answer
            peer.sendall(answer.replace(b"{cseq}", sequence.encode()))
            return False
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        status, extra, body = "200 OK", "", ""
        if self.user and fields.get("authorization") != f"Basic {pair}" and method != "OPTIONS":
            status, extra = "401 Unauthorized", 'WWW-Authenticate: Basic realm="cam"\r\n'
        elif method == "OPTIONS":
            extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif method == "DESCRIBE":
            body = (
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=cam\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
                "m=video 0 RTP/AVP 26\r\na=control:track1\r\na=framerate:20\r\n"
            )
            extra = f"Content-Base: {uri}/\r\nContent-Type: application/sdp\r\n"
        elif method == "SETUP":
            extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1;timeout=60\r\n"
        elif method == "PLAY":
            extra = "Session: 1\r\n"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        peer.sendall(f"RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n{extra}{length}\r\n{body}".encode())
        return method == "PLAY" and status.startswith("200")

    def _play(self, peer):
        for number in range(self.frames):
            for packet in rtp(jpeg(40 + number % 100, quality=80), number):
                peer.sendall(b"$\0" + len(packet).to_bytes(2) + packet)
            if self._stop.wait(0.03):
                return


def rtp(picture, number):
    """A JPEG's RTP packets (RFC 2435), with its own quantization tables."""
    tables, at, scan, size, sampling = b"", 2, b"", (0, 0), 0
    while picture[at + 1] != 0xDA:
        length = int.from_bytes(picture[at + 2 : at + 4])
        segment = picture[at + 4 : at + 2 + length]
        if picture[at + 1] == 0xDB:
            while segment:
                tables, segment = tables + segment[1:65], segment[65:]
        if picture[at + 1] == 0xC0:
            size = int.from_bytes(segment[3:5]), int.from_bytes(segment[1:3])
            sampling = segment[7]
        at += 2 + length
    scan = picture[at + 2 + int.from_bytes(picture[at + 2 : at + 4]) : -2]
    kind = 1 if sampling == 0x22 else 0
    stamp = (number * 4500).to_bytes(4)
    head = bytes([kind, 255, size[0] // 8, size[1] // 8])
    offset, sequence = 0, number * 8
    while offset < len(scan):
        piece = scan[offset : offset + 1000]
        extra = b"\0\0" + len(tables).to_bytes(2) + tables if offset == 0 else b""
        last = offset + len(piece) == len(scan)
        yield (
            bytes([0x80, 26 | (0x80 if last else 0)])
            + sequence.to_bytes(2)
            + stamp
            + b"\0\0\0\1"
            + b"\0"
            + offset.to_bytes(3)
            + head
            + extra
            + piece
        )
        offset, sequence = offset + len(piece), sequence + 1
