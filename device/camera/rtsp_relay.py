"""Between FFmpeg and an RTSP camera: FFmpeg talks to this relay, and only the relay to the camera.

FFmpeg follows an RTSP redirect to any host, verifies no certificate, and takes as much memory as an
answer promises. The relay passes on what both say, and none of that: it encrypts and verifies by
Python's ssl, answers the request for user and password, refuses redirects, and limits an answer.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import select
import socket
import ssl

from ..errors import FacetError, SourceError, UsageError
from ..settings import CameraSettings
from ..worker import Worker
from .address import Address
from .http_client import (
    DROPPED_HINT,
    NO_PICTURE_HINT,
    TIMEOUT_S,
    status_fault,
    tls_context,
    wire_faults,
)
from .rtsp_messages import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    Answers,
    Request,
    header_values,
    split_message,
)

MAX_SILENT_BYTES = 24 << 20  # passed on without a picture: FFmpeg gathers them
CHUNK = 1 << 16
POLL_S = 0.25
SEND_TIMEOUT_S = 30.0  # for FFmpeg to take what the camera sent
UNSUPPORTED_TRANSPORT = 461
LOOPBACK = "127.0.0.1"
STATUS = re.compile(rb"RTSP/[0-9.]+ ([0-9]{3})")


class Relay:
    """A connection to an RTSP camera that FFmpeg reaches at `url`, without user and password.

    Raises SourceError where the camera does not answer. `url` has a secret part, so that no other
    program of this computer gets through, and serves one connection.
    """

    def __init__(self, address: Address, settings: CameraSettings, name: str):
        self._address, self._name = address, name
        self._fault: SourceError | None = None
        self._answered = False  # anything at all
        self.silent_bytes = 0  # passed on since the last picture, which sets it to 0
        self._answers = Answers(name)
        self._request = Request(address)
        with wire_faults(name):
            self._camera = _connect(address, settings)
        self._listener = socket.create_server((LOOPBACK, 0))
        port = self._listener.getsockname()[1]
        self._prefix = f"rtsp://{LOOPBACK}:{port}/{secrets.token_hex(16)}"
        self.url = self._prefix + address.path
        self._worker = Worker("rtsp relay", self._run).start()

    def end(self) -> SourceError | None:
        """End it; return why it ended before, None if nothing is known."""
        self.close()
        if self._fault is None and not self._answered:
            return SourceError(
                f"{self._name} does not answer within {TIMEOUT_S:.0f} s",
                "check that the camera is on, and its port",
            )
        return self._fault

    def close(self) -> None:
        """End it, from any thread; does nothing where it has ended."""
        with contextlib.suppress(FacetError):
            self._worker.stop()

    def _run(self, worker: Worker) -> None:
        with contextlib.ExitStack() as stack:
            for open_socket in (self._camera, self._listener):
                stack.enter_context(contextlib.closing(open_socket))
            try:
                client = self._accept(worker)
                if client is not None:
                    with wire_faults(self._name), contextlib.closing(client):
                        self._pass_on(worker, client)
            except SourceError as error:
                self._fault = error

    def _accept(self, worker: Worker) -> socket.socket | None:
        while not worker.stopping.is_set():
            if select.select([self._listener], [], [], POLL_S)[0]:
                client, _ = self._listener.accept()
                self._listener.close()
                client.settimeout(SEND_TIMEOUT_S)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return client
        return None

    def _pass_on(self, worker: Worker, client: socket.socket) -> None:
        camera, pending = self._camera, b""
        while not worker.stopping.is_set():
            encrypted = isinstance(camera, ssl.SSLSocket) and camera.pending()
            ready = select.select([client, camera], [], [], 0 if encrypted else POLL_S)[0]
            if client in ready:
                data = client.recv(CHUNK)
                if not data:
                    return
                pending = self._ask(pending + data)
            if camera in ready or encrypted:
                received = self._receive()
                if received == b"":
                    raise SourceError(f"{self._name} dropped", DROPPED_HINT)
                self._answered = self._answered or received is not None
                self.silent_bytes += len(received or b"")
                if self.silent_bytes > MAX_SILENT_BYTES:
                    raise SourceError(
                        f"{self._name} sends {MAX_SILENT_BYTES >> 20} MB and no picture",
                        NO_PICTURE_HINT,
                    )
                for part in self._answers.feed(received or b""):
                    self._answer(part, client)

    def _receive(self) -> bytes | None:
        """Return what the camera sent, None for what only keeps up the encryption."""
        self._camera.settimeout(0)
        try:
            return self._camera.recv(CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        finally:
            self._camera.settimeout(TIMEOUT_S)

    def _ask(self, data: bytes) -> bytes:
        """Send the whole requests in `data` to the camera; return what is left of it."""
        while data:
            part, data = split_message(data)
            if not part:
                if len(data) > MAX_HEAD_BYTES + MAX_BODY_BYTES:
                    raise SourceError(f"{self._name}: no RTSP request", DROPPED_HINT)
                return data
            if part.startswith(b"$"):  # a receiver's report
                self._camera.sendall(part)
                continue
            if not self._request.head and self._prefix.encode() not in part:
                raise SourceError(
                    f"{self._name}: another program connected to the relay", NO_PICTURE_HINT
                )
            part = part.replace(self._prefix.encode(), self._address.root.encode())
            self._camera.sendall(self._request.begin(part))
        return data

    def _answer(self, part: bytes, client: socket.socket) -> None:
        """Pass an answer on to FFmpeg, unless it is one that FFmpeg must not see."""
        status = STATUS.match(part)
        if status is None:
            client.sendall(part)
            return
        code = int(status[1])
        if 300 <= code < 400:
            raise self._redirect(part)
        if code == 401:
            again = self._request.authorized(header_values(part, "WWW-Authenticate"))
            if not again:
                raise status_fault(self._name, code)
            self._camera.sendall(again)
            return
        if code == UNSUPPORTED_TRANSPORT or self._is_udp(part):
            raise SourceError(
                f"{self._name} sends only UDP, and Facet reads RTSP over TCP",
                "TCP in the camera's settings, or http",
            )
        if code >= 400 and self._request.method in ("DESCRIBE", "SETUP", "PLAY"):
            self._fault = status_fault(self._name, code)
        client.sendall(part)

    def _is_udp(self, part: bytes) -> bool:
        """Whether a camera, asked for TCP, answers that it will send UDP."""
        transports = header_values(part, "Transport") if self._request.method == "SETUP" else []
        return bool(transports) and not any("TCP" in one.upper() for one in transports)

    def _redirect(self, part: bytes) -> SourceError:
        location = "".join(header_values(part, "Location")[:1])
        with contextlib.suppress(UsageError, ValueError):
            target = self._address.joined(location)
            return SourceError(
                f"{self._name} redirects to {target.root}",
                "that address in [camera] source if this is right",
            )
        return SourceError(f"{self._name} redirects to no address", NO_PICTURE_HINT)


def _connect(address: Address, settings: CameraSettings) -> socket.socket:
    plain = socket.create_connection((address.host, address.port), TIMEOUT_S)
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not address.secure:
            return plain
        context = tls_context(settings)
        return context.wrap_socket(plain, server_hostname=address.host)
    except BaseException:
        plain.close()
        raise
