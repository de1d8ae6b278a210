"""The server of the web page: its socket, its certificate, and its thread."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import logging
import shlex
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn

from ..errors import FacetError, UsageError, one_line, os_reason
from ..files import open_regular
from ..listen import Listen, join, parse_listen
from ..log import Repeated, log
from ..outputs.live import LiveRun
from ..settings import WebSettings
from ..worker import Worker
from .access import Access
from .app import Site
from .connection import Connections, Limits, protocol_for
from .facts import Facts
from .findings import Findings, quick_checks
from .guard import Guard
from .history import visits_before
from .password import check_hash

BACKLOG = 128  # connections that wait to be accepted
SEND_BUFFER = 131_072  # bytes that the kernel keeps for a viewer: few pictures, so they are fresh
KEEP_ALIVE_S = 5
AGAIN_S = 1.0  # after a fault
END_S = 1  # for open requests, when the run ends
NEW_CERT = (
    "openssl req -x509 -newkey rsa:3072 -nodes -days 825 -subj /CN=facet -keyout facet-web.key "
    "-out facet-web.crt"
)


class WebPage:
    """The page of a run while it is entered: its thread serves it, and ends with it.

    limits: of one client. Raises UsageError for a wrong address, certificate or password hash,
    FacetError if the address is in use.
    """

    def __init__(self, live: LiveRun, limits: Limits | None = None):
        self._live, self._web = live, live.settings.web
        self._limits = limits or Limits()
        self.connections = Connections(self._limits)
        self.site: Site | None = None  # once the thread has begun
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None
        self._worker = Worker("web page", self._run, wake=self._wake)

    def __enter__(self) -> WebPage:
        listen = parse_listen(self._web.address)
        self._tls = check_access(self._web)
        self._socket = bound_socket(listen)
        port = self._socket.getsockname()[1]
        self.listen = Listen(listen.host, port)
        self.url = url(self.listen, self._tls is not None)
        log.info("web page: %s", self.url)
        if not listen.local and self._tls is None:
            log.warning(
                "the web page is unencrypted: others in the network can read its password and "
                "pictures. Try: cert and key in [web]"
            )
        self._worker.start()
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self._worker.__exit__(*exc)
        finally:
            self._socket.close()

    def _run(self, worker: Worker) -> None:
        try:
            with asyncio.Runner(loop_factory=_Loop) as runner:
                self._loop = runner.get_loop()
                runner.run(self._serve(worker))
        except Exception as error:
            log.error("the web page has ended (%s): the run goes on", one_line(error))
            raise

    def _wake(self) -> None:
        """End the server; called by the thread that leaves the page."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        if self.site is not None:
            self.site.close()
        if self._server is not None:
            self._server.should_exit = True

    async def _serve(self, worker: Worker) -> None:
        findings = Findings(lambda: quick_checks(self._live.settings))
        started = datetime.now(UTC)
        facts = Facts(self._live, started, findings.newest)
        access = Access(self._web.password, self._tls is not None)
        self.site = site = Site(self._live, facts, access, self._limits.body_s)
        guard = Guard(site.app(), self.listen, self._web, self._limits.header_bytes)
        self._server = uvicorn.Server(self._config(guard))
        if worker.stopping.is_set():
            return
        works = site.make_pictures, site.make_events
        tasks = [asyncio.create_task(_repeated(work)) for work in works]
        if self._live.visits:
            tasks.append(asyncio.create_task(_read_visits(facts, self._live.visits, started)))
        try:
            await self._server.serve([self._socket])
        finally:
            findings.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _config(self, app: Any) -> uvicorn.Config:
        _log_faults()
        config = uvicorn.Config(
            app,
            http=protocol_for(self.connections),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # anybody may claim to be a proxy
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=END_S,
            h11_max_incomplete_event_size=self._limits.header_bytes,
        )
        config.load()
        config.ssl = self._tls
        return config


class _Loop(asyncio.SelectorEventLoop):
    """An event loop whose servers give up a client that does not end its TLS handshake."""

    async def create_server(self, *args: Any, **options: Any) -> asyncio.Server:
        if options.get("ssl") is not None:
            options |= {"ssl_handshake_timeout": 10.0, "ssl_shutdown_timeout": 2.0}
        return await super().create_server(*args, **options)


async def _repeated(work: Callable[[], Awaitable[None]]) -> None:
    """Run a task to its end, and again if it fails: one odd picture must not end the stream."""
    faults = Repeated()
    while True:
        try:
            return await work()
        except Exception as error:
            faults.warning(f"web page: {one_line(f'{type(error).__name__}: {error}')}")
            await asyncio.sleep(AGAIN_S)


async def _read_visits(facts: Facts, path: Path, start: datetime) -> None:
    facts.before = await asyncio.to_thread(visits_before, path, start)


def bound_socket(listen: Listen) -> socket.socket:
    """Return a socket that listens; FacetError if the address is in use or not of this computer."""
    other = f"--web {join(listen.host, listen.port + 1 if listen.port < 65535 else 8420)}"
    try:
        found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UsageError(f"no address of this computer: {listen.host}", "--web") from None
    family, kind, protocol, _, address = found[0]
    # With the protocol, or else asyncio leaves Nagle's algorithm on: 40 ms for each answer.
    listener = socket.socket(family, kind, protocol or socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise FacetError(f"another program has port {listen.port}", other) from None
        if error.errno == errno.EACCES:
            raise UsageError(
                f"this user may not take port {listen.port}", f"--web {join(listen.host, 8420)}"
            ) from None
        raise FacetError(f"cannot listen on {listen}: {os_reason(error)}", "ip address") from None
    return listener


def check_access(web: WebSettings) -> ssl.SSLContext | None:
    """Return what encrypts connections; UsageError for a wrong password hash or certificate."""
    if web.password:
        check_hash(web.password)
    return tls_context(web)


def tls_context(web: WebSettings) -> ssl.SSLContext | None:
    """Return what encrypts connections, None without a certificate; UsageError if it is wrong."""
    if web.cert is None or web.key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for path in (web.cert, web.key):
        try:
            open_regular(path).close()
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            hint = NEW_CERT if missing else f"ls -l {shlex.quote(str(path))}"
            raise UsageError(f"cannot read {path}: {os_reason(error)}", hint) from None
    try:
        # A function, or else OpenSSL asks for a passphrase at the terminal.
        context.load_cert_chain(web.cert, web.key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        reason = "they do not belong together" if "MISMATCH" in str(error) else one_line(error)
        raise UsageError(
            f"{web.cert} and {web.key} are no certificate and its key: {reason}", NEW_CERT
        ) from None
    return context


def url(listen: Listen, secure: bool) -> str:
    """Return the page's address, as a browser takes it."""
    host = socket.gethostname() if listen.everywhere else listen.host
    return f"http{'s' if secure else ''}://{join(host, listen.port)}/"


@functools.cache
def _log_faults() -> None:
    """Show uvicorn's errors as lines of Facet's log; what clients do wrong is not logged."""
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(_Faults(logging.ERROR))
    logger.propagate = False


class _Faults(logging.Handler):
    """Logs what failed in a request, at most once a minute."""

    def __init__(self, level: int):
        super().__init__(level)
        self._repeated = Repeated()

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        reason = f"{type(error).__name__}: {error}" if error else record.getMessage()
        self._repeated.warning(f"web page: {one_line(reason)}")
