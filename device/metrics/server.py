"""Serve /metrics: prometheus_client's WSGI app behind a small server with limits."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import make_wsgi_app
from prometheus_client.registry import CollectorRegistry

from ..errors import FacetError, UsageError, os_reason
from ..listen import parse_listen
from ..log import log
from ..settings.connections import METRICS_PORT
from ..worker import Worker

CONNECTIONS = 8  # at once; Prometheus needs one
LIMIT_S = 10.0  # of a request from its connection to the last byte
POLL_S = 0.5
PATH = "/metrics"
TEXT = [("Content-Type", "text/plain; charset=utf-8")]


def metrics_app(registry: CollectorRegistry, local: bool) -> Callable[..., Iterable[bytes]]:
    """Return the WSGI app: the metrics at /metrics, 404 elsewhere.

    local: refuse names of other hosts, as a web page may give one to this computer's address to
    read what it serves (DNS rebinding).
    """
    inner = make_wsgi_app(registry)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if local and not is_local(host_of(environ.get("HTTP_HOST", ""))):
            start_response("403 Forbidden", TEXT)
            return [b"this address serves this computer only\n"]
        if environ["PATH_INFO"] != PATH:
            start_response("404 Not Found", TEXT)
            return [b"the metrics are at /metrics\n"]
        return inner(environ, start_response)

    return app


def host_of(address: str) -> str:
    """Return the host of "host:port", "[::1]:port" or "host"."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0]


def is_local(host: str) -> bool:
    """Return whether a host is this computer's own, for itself only."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host in ("localhost", "")


class MetricsHandler(WSGIRequestHandler):
    """A request; nothing of it is logged."""

    timeout = LIMIT_S  # of each read and write

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client is gone, or was closed by the limit
            super().handle()


class LimitedServer(ThreadingMixIn, WSGIServer):
    """A thread per connection, at most 8 of them, each at most 10 s: slow clients hold up none."""

    daemon_threads = True

    def __init__(self, family: int, address: tuple[str, int], clock_s: Callable[[], float]):
        self.address_family = family
        self._clock_s = clock_s
        self._open: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        super().__init__(address, MetricsHandler)

    def server_bind(self) -> None:
        # Not WSGIServer's, which asks the name server for the host's name.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), int(port)
        self.setup_environ()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        with self._lock:
            if len(self._open) >= CONNECTIONS:
                return False
            self._open[request] = self._clock_s()
            return True

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        limit_s = self._clock_s() - LIMIT_S
        with self._lock:
            late = [request for request, since_s in self._open.items() if since_s < limit_s]
        for request in late:
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.warning("a request for metrics failed")


class MetricsServer:
    """Serves a registry at `listen` (HOST:PORT, HOST or PORT) from a thread of its own.

    Raises FacetError for a port that is taken, UsageError for an address that is not this
    computer's.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        listen: str,
        clock_s: Callable[[], float] = time.monotonic,
    ):
        wanted = parse_listen(listen, METRICS_PORT)
        host, port = wanted.host, wanted.port
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            family, _, _, _, address = found[0]
            self._server = LimitedServer(family, (str(address[0]), int(address[1])), clock_s)
        except (OSError, UnicodeError) as error:  # a name that cannot be one is a UnicodeError
            message = f"[metrics] cannot listen at {wanted}: {os_reason(error)}"
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                hint = f"another port; ss -ltnp | grep :{port} names who has it"
                raise FacetError(message, hint) from error
            raise UsageError(message, f'listen = "127.0.0.1:{port}"') from error
        local = is_local(str(address[0]))
        if not local:
            log.warning("the metrics at %s are unencrypted, and need no password", wanted)
        self._server.set_app(metrics_app(registry, local))
        self.worker = Worker("the metrics server", self._serve, wake=self._server.shutdown)

    @property
    def port(self) -> int:
        """The port, also where the settings leave the choice to the system (0)."""
        return int(self._server.server_port)

    def __enter__(self) -> MetricsServer:
        self.worker.start()
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self.worker.__exit__(*exc)
        finally:
            self._server.server_close()

    def _serve(self, worker: Worker) -> None:
        self._server.serve_forever(POLL_S)
