"""What holds for every request, before anything else: host, origin, rate, size, headers.

A page of another site that the owner's browser has open may send requests to this server, and by
DNS rebinding under a name of its own: hence the checks of Host and Origin.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import one_line
from ..listen import Listen, is_ip
from ..log import Repeated
from ..settings import WebSettings

REQUESTS_PER_S, BURST = 20.0, 200.0  # of one address; the page asks for about 10 at its start
MAX_ADDRESSES = 1000  # remembered with their rate
MAX_BODY = 4096  # bytes; only the password is ever sent
MAX_TARGET = 2048  # bytes of path and query
PICTURES = ("/stream.mjpg", "/snapshot.jpg")

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: browsers would then send the page's own forms with Origin: null.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


def known_names(listen: Listen, hosts: Iterable[str]) -> frozenset[str]:
    """Return the names by which this computer may be called; IP addresses may always be."""
    own = socket.gethostname().lower()
    names = {"localhost", own, f"{own.partition('.')[0]}.local", listen.host, *hosts}
    return frozenset(name.lower().rstrip(".") for name in names if name)


def network_of(address: str) -> str:
    """Return whom an address belongs to: itself, and for IPv6 its network of 64 bits.

    One computer has as many addresses of IPv6 as it likes.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


class Rates:
    """Allows each address BURST requests at once, and REQUESTS_PER_S after that.

    clock_s: s on a monotonic clock.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic):
        self._clock_s = clock_s
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # (requests, time)

    def take(self, address: str) -> bool:
        """Return whether an address may make one more request now."""
        now_s = self._clock_s()
        left, then_s = self._left.pop(address, (BURST, now_s))
        left = min(BURST, left + (now_s - then_s) * REQUESTS_PER_S)
        allowed = left >= 1.0
        self._left[address] = left - 1.0 if allowed else left, now_s
        if len(self._left) > MAX_ADDRESSES:
            self._left.popitem(last=False)
        return allowed


class Guard:
    """An ASGI application around another one; refuses requests, and adds headers to answers."""

    def __init__(
        self,
        app: ASGIApp,
        listen: Listen,
        settings: WebSettings,
        header_bytes: int,
        rates: Rates | None = None,
    ):
        self._app, self._settings, self._header_bytes = app, settings, header_bytes
        self._names = known_names(listen, settings.hosts)
        self._rates = rates or Rates()
        self._faults = Repeated()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(message, scope["path"])
            await send(message)

        refusal = self._refusal(scope)
        try:
            await (refusal or self._app)(scope, receive, send_with_headers)
        except Exception as error:  # Starlette has answered 500
            self._faults.warning(f"web page: {one_line(f'{type(error).__name__}: {error}')}")

    def _add_headers(self, message: MutableMapping[str, Any], path: str) -> None:
        given = {name.lower() for name, _ in message["headers"]}
        headers = dict(HEADERS)
        if self._settings.embed and path in PICTURES:
            headers["cross-origin-resource-policy"] = "cross-origin"
        message["headers"] = [
            *message["headers"],
            *(
                (name.encode(), value.encode())
                for name, value in headers.items()
                if name.encode() not in given
            ),
        ]

    def _refusal(self, scope: Scope) -> Response | None:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        size = sum(len(name) + len(value) for name, value in scope["headers"])
        if size > self._header_bytes:
            return refused(431, "the request's headers are too large")
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET:
            return refused(414, "the request's address is too long")
        address = network_of((scope["client"] or ("", 0))[0])
        if not self._rates.take(address):
            return refused(429, "too many requests", {"retry-after": "1"})
        if not self._known_host(headers.get("host", "")):
            return refused(421, "this name is unknown here: add it to hosts in [web]")
        if self._foreign(scope, headers):
            return refused(403, "requests of other sites' pages are not answered")
        if _body_bytes(headers) > MAX_BODY:
            return refused(413, "the request is too large", {"connection": "close"})
        return None

    def _known_host(self, header: str) -> bool:
        host, _ = split_host(header)
        return is_ip(host) or host in self._names

    def _foreign(self, scope: Scope, headers: dict[str, str]) -> bool:
        """Whether a page of another site sends the request."""
        picture = self._settings.embed and scope["path"] in PICTURES
        reads = scope["method"] in ("GET", "HEAD")
        if picture and reads:
            return False
        origin = headers.get("origin")
        if origin is not None:
            default = "443" if scope["scheme"] == "https" else "80"
            theirs = split_host(origin.partition("://")[2])
            ours = split_host(headers.get("host", ""))
            if not theirs[0] or (theirs[0], theirs[1] or default) != (ours[0], ours[1] or default):
                return True
        site = headers.get("sec-fetch-site", "none")
        followed = reads and headers.get("sec-fetch-mode") == "navigate"  # a link to the page
        return site not in ("none", "same-origin") and not followed


def split_host(header: str) -> tuple[str, str]:
    """Return (host in lower case without brackets, port or "") of a Host header."""
    text = header.strip().lower()
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = text.partition(":")
    return host.rstrip("."), port


def _body_bytes(headers: dict[str, str]) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isdigit() and len(text) < 10 else MAX_BODY + 1


def refused(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    """Return the answer to a request that is refused."""
    return JSONResponse({"error": reason}, status, headers)
