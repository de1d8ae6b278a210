"""Ask a camera over HTTP or HTTPS: certificates verified, its own host only, each fault in words.

Python's http.client and ssl do this, not the FFmpeg in OpenCV, which follows redirects to any host,
verifies no certificate and brings an OpenSSL of its own that is no longer maintained.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import SourceError, UsageError, one_line, os_reason
from ..files import open_regular
from ..settings import CameraSettings
from .address import Address
from .authorization import authorize
from .timed_response import TimedResponse

TIMEOUT_S = 5.0  # to connect, and for each piece of an answer
ANSWER_S = 10.0  # for the head of an answer
PICTURE_S = 8.0  # for a picture: less than a live camera may be silent
MAX_REDIRECTS = 3
CREDENTIALS_HINT = "[camera] user and password_file, or FACET_CAMERA_PASSWORD"
NO_PICTURE_HINT = "the address of its stream, in the camera's manual"
DROPPED_HINT = "check that the camera is on, and its network"
OTHER_HOSTS_HINT = "[camera] other_hosts = true if this is right"


class HttpRequest:
    """One answer to a GET: `response` to read from, `address` after redirects, `kind` of content.

    camera: whose user and password it is, and whose host redirects may lead to; None: `address`.
    Raises SourceError from the constructor, which follows redirects and answers a request for user
    and password. `close` may be called from another thread: what reads then ends.
    """

    def __init__(
        self,
        address: Address,
        settings: CameraSettings,
        name: str,
        start: int = 0,
        camera: Address | None = None,
    ):
        self.address, self._settings, self._name, self._start = address, settings, name, start
        self._camera = camera or address
        self._connection: http.client.HTTPConnection | None = None
        self._response: TimedResponse | None = None
        try:
            with wire_faults(name):
                self.response = self._follow()  # to read from
                self.response.within(None)
        except BaseException:
            self.close()
            raise
        self.kind = self.response.headers.get_content_type()  # in lower case

    def _follow(self) -> TimedResponse:
        authorization, redirects = "", 0
        while True:
            response, address = self._ask(authorization), self.address
            if response.status in (301, 302, 303, 307, 308):
                authorization, redirects = "", redirects + 1
                if redirects > MAX_REDIRECTS:
                    raise SourceError(
                        f"{self._name} redirects more than {MAX_REDIRECTS} times", NO_PICTURE_HINT
                    )
                location = response.headers.get("Location", "")
                self.address = allowed(
                    self._camera, address, location, self._settings, "redirects to"
                )
            elif response.status == 401 and address.user and not authorization:
                challenges = response.headers.get_all("WWW-Authenticate") or []
                authorization = authorize(
                    challenges, "GET", address.path, address.user, address.password
                )
                if not authorization:
                    raise status_fault(self._name, 401)
            elif response.status in (200, 206):
                return response
            else:
                raise status_fault(self._name, response.status)

    def _ask(self, authorization: str) -> TimedResponse:
        self.close()
        address = self.address
        if address.secure:
            self._connection = http.client.HTTPSConnection(
                address.host, address.port, timeout=TIMEOUT_S, context=tls_context(self._settings)
            )
        else:
            self._connection = http.client.HTTPConnection(
                address.host, address.port, timeout=TIMEOUT_S
            )
        headers = {"User-Agent": "facet", "Accept": "*/*", "Connection": "close"}
        if authorization:
            headers["Authorization"] = authorization
        if self._start:
            headers["Range"] = f"bytes={self._start}-"
        self._connection.response_class = functools.partial(  # type: ignore[assignment]
            _limited, self._name
        )
        self._connection.request("GET", address.path, headers=headers)
        response: Any = self._connection.getresponse()
        self._response = response
        return self._response

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, at least one unless the answer has ended; SourceError."""
        with wire_faults(self._name):
            return self.response.read1(size)

    def peek(self) -> bytes:
        """Return how the answer begins, without reading it; SourceError."""
        with wire_faults(self._name):
            return self.response.peek(16)

    def readline(self, limit: int) -> bytes:
        """Return a line with its end, or `limit` bytes of it; SourceError."""
        with wire_faults(self._name):
            return self.response.readline(limit)

    def read_all(self, limit: int) -> bytes:
        """Return the whole answer; SourceError where it is longer than `limit` or cut short."""
        with wire_faults(self._name):
            self.response.within(PICTURE_S)
            content = self.response.read(limit + 1)
        if len(content) > limit:
            raise SourceError(
                f"{self._name} sends more than {limit >> 20} MB for one picture", NO_PICTURE_HINT
            )
        if self.response.length:
            raise SourceError(f"{self._name} dropped", DROPPED_HINT)
        return content

    def close(self) -> None:
        connection, response = self._connection, self._response
        # First what another thread may wait for; closing waits for that thread.
        with contextlib.suppress(OSError, AttributeError):
            if response is not None:
                # Of an answer that ends with its connection, it has taken over the socket.
                raw: Any = response.fp
                raw.raw._sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError, AttributeError):
            if connection is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)
        for part in (response, connection):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                if part is not None:
                    part.close()


def _limited(name: str, *arguments: Any, **options: Any) -> TimedResponse:
    response = TimedResponse(name, *arguments, **options)
    response.within(ANSWER_S)
    return response


def allowed(
    camera: Address, current: Address, reference: str, settings: CameraSettings, verb: str
) -> Address:
    """Return what an answer of the camera refers to, with user and password if it is the camera.

    verb: what the answer does, for the error. Raises SourceError for another host, port or
    protocol, and for a step from an encrypted address to one that is not, unless settings allow it.
    """
    try:
        target = current.joined(reference)
    except (UsageError, ValueError):
        raise SourceError(f"{camera.name} {verb} no address", NO_PICTURE_HINT) from None
    shown = target.root
    if target.scheme not in ("http", "https"):
        raise SourceError(
            f"{camera.name} {verb} another protocol, {target.scheme}", NO_PICTURE_HINT
        )
    if camera.same_host(target):
        return replace(target, user=camera.user, password=camera.password)
    if settings.other_hosts:
        return target
    raise SourceError(f"{camera.name} {verb} another host, {shown}", OTHER_HOSTS_HINT)


def tls_context(settings: CameraSettings) -> ssl.SSLContext:
    """Return how certificates are verified; SourceError for an unusable `ca_file`."""
    ca_file: Path | None = settings.ca_file
    try:
        if ca_file is not None:
            open_regular(ca_file).close()  # OpenSSL would wait for a pipe
        context = ssl.create_default_context(cafile=ca_file and str(ca_file))
    except (OSError, ValueError) as error:
        reason = "no certificate in it" if isinstance(error, ssl.SSLError) else os_reason(error)
        raise SourceError(
            f"cannot read the certificates in {ca_file}: {reason}",
            "[camera] ca_file = a PEM file",
        ) from None
    if ca_file is not None:
        # Cameras' own certificates lack what newer rules demand.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if not settings.tls_verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@contextlib.contextmanager
def wire_faults(name: str) -> Iterator[None]:
    """Raise a SourceError in words for what the network and its protocols raise."""
    try:
        yield
    except SourceError:
        raise
    except socket.gaierror:
        raise SourceError(
            f"{name}: unknown host", "check the host's name, and the network with ping"
        ) from None
    except TimeoutError:
        raise SourceError(
            f"{name} does not answer within {TIMEOUT_S:.0f} s", "check that the camera is on"
        ) from None
    except ConnectionRefusedError:
        raise SourceError(f"{name} refuses connections", "check the port") from None
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message.rstrip(".")
        dated = "expired" in reason or "not yet valid" in reason
        remedy = (
            "the clock here and in the camera" if dated else "[camera] ca_file = its certificate"
        )
        raise SourceError(
            f"{name}: its certificate is not trusted ({reason})", f"{remedy}, or tls_verify = false"
        ) from None
    except ssl.SSLError as error:
        reason = one_line(error.reason or "TLS fault", 80)
        raise SourceError(f"{name}: no encrypted connection ({reason})", "http or rtsp") from None
    except http.client.HTTPException as error:
        kind = type(error).__name__
        raise SourceError(
            f"{name} does not answer as HTTP demands ({kind})", NO_PICTURE_HINT
        ) from None
    except (OSError, ValueError, AttributeError) as error:
        # Of a connection that another thread closes, http.client raises errors of several types.
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise SourceError(
            f"{name}: connection lost ({one_line(reason, 80)})", NO_PICTURE_HINT
        ) from None


def status_fault(name: str, status: int) -> SourceError:
    """Return the error for an answer's status, of HTTP and RTSP alike."""
    if status == 401:
        return SourceError(f"{name} refuses user and password (401)", CREDENTIALS_HINT)
    if status == 403:
        return SourceError(f"{name} forbids access (403)", "the rights of its user in the camera")
    if status == 404:
        return SourceError(f"{name} has no such path (404)", "the path in the camera's manual")
    return SourceError(f"{name} answers with status {status}", NO_PICTURE_HINT)
