"""What is served at which path."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..outputs.live import LiveRun
from ..types import Result
from .access import Access, Verdict
from .charts import hours_svg
from .facts import Facts
from .feed import Feed
from .guard import MAX_BODY, refused
from .pictures import Pictures

FOLDER = Path(__file__).parent
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
SVG_POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # it has a style of its own, no script
PAGE_LEVEL = b'data-privacy="faces"'
FACES_S = 0.2  # between two events with faces
STATUS_S = 2.0  # between two events with the status
AGAIN_S = 5.0  # after so long without news, the last picture is sent again: shows a dead viewer
BOUNDARY = "facet-frame"
MULTIPART = f"multipart/x-mixed-replace; boundary={BOUNDARY}"

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class StaticFile:
    """A file of the page, in memory: no request reads the disk."""

    content: bytes
    type: str
    tag: str


def static_files(privacy: str, folder: Path = FOLDER / "static") -> Mapping[str, StaticFile]:
    """Return the page's files by name; privacy: the level, which the page obeys from the start."""
    level = PAGE_LEVEL.replace(b"faces", privacy.encode())
    return {
        path.name: StaticFile(
            content := path.read_bytes().replace(PAGE_LEVEL, level),
            TYPES[path.suffix],
            f'"{hashlib.sha256(content).hexdigest()[:16]}"',
        )
        for path in sorted(folder.iterdir())
        if path.suffix in TYPES
    }


class FeedResponse(StreamingResponse):
    """A feed as an answer, counted as a reader as soon as the answer begins.

    Not when its first part is read: requests that come together would all be within the limit.
    """

    def __init__(self, feed: Feed, parts: AsyncIterator[bytes], media_type: str):
        super().__init__(parts, media_type=media_type)
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._feed.reader():
            await super().__call__(scope, receive, send)


class Site:
    """The handlers, and the tasks that make what streams and events carry.

    body_s: limit for the few bytes of a password.
    """

    def __init__(self, live: LiveRun, facts: Facts, access: Access, body_s: float):
        self._live, self._facts, self._access, self._body_s = live, facts, access, body_s
        self._web, self._permits = live.settings.web, live.settings.permits
        self._files = static_files(live.settings.privacy)
        self._api = (FOLDER / "openapi.json").read_bytes()
        self.pictures = Pictures(self._web)
        self.stream_feed, self.event_feed = Feed(), Feed()

    def app(self) -> Starlette:
        """Return the application, without the checks of `guard`."""
        routes = [
            Route("/", self._page),
            Route("/login", self._login, methods=["GET", "POST"]),
            Route("/logout", self._logout, methods=["POST"]),
            Route("/static/{name}", self._static),
            Route("/chart/hours.svg", self._guarded(self._chart)),
            Route("/stream.mjpg", self._guarded(self._stream)),
            Route("/snapshot.jpg", self._guarded(self._snapshot)),
            Route("/events", self._guarded(self._events)),
            Route("/api", self._guarded(self._description)),
            Route("/api/status", self._guarded(self._status)),
            Route("/api/faces", self._guarded(self._faces)),
            Route("/api/counts", self._guarded(self._counts)),
        ]
        app = Starlette(routes=routes, exception_handlers={HTTPException: _as_json})
        app.router.redirect_slashes = False
        return app

    def close(self) -> None:
        """End streams and events."""
        self.stream_feed.close()
        self.event_feed.close()

    # What streams and events carry

    async def make_pictures(self) -> None:
        """Publish the newest picture at the rate of the settings, while there are viewers."""
        loop, last = asyncio.get_running_loop(), None
        while not self.stream_feed.closed:
            if not self.stream_feed.readers:
                self.stream_feed.clear()
                self.pictures.forget()
                last = None
                await self.stream_feed.wait_for_reader()
                continue
            begin_s, result = loop.time(), self._live.state.newest()
            if result is not None and result is not last:
                self.stream_feed.publish("picture", _part(self.pictures.jpeg(result)))
                last = result
            taken_s = loop.time() - begin_s
            # At most half of the time, also where a picture takes longer than its share.
            await asyncio.sleep(max(1 / self._web.fps - taken_s, taken_s))

    async def make_events(self) -> None:
        """Publish faces and status, while there are listeners."""
        loop, last, status_s = asyncio.get_running_loop(), None, 0.0
        while not self.event_feed.closed:
            if not self.event_feed.readers:
                self.event_feed.clear()
                last, status_s = None, 0.0
                await self.event_feed.wait_for_reader()
                continue
            result = self._live.state.newest()
            if not status_s or loop.time() - status_s >= STATUS_S:
                status_s = loop.time()
                self.event_feed.publish("status", _event("status", self._short_status()))
            if result is not None and result is not last and self._permits.people_in_view:
                self.event_feed.publish("faces", _event("faces", self._facts.faces(result)))
                last = result
            await asyncio.sleep(FACES_S)

    def _short_status(self) -> dict[str, Any]:
        status = self._facts.short_status(self.stream_feed.readers)
        return status | {"login": self._access.needed}

    # Pages

    async def _page(self, request: Request) -> Response:
        verdict = await self._access.may_look(request)
        if not verdict.allowed:
            return RedirectResponse("/login", 303)
        return self._file("index.html", request)

    async def _static(self, request: Request) -> Response:
        return self._file(request.path_params["name"], request)

    def _file(self, name: str, request: Request, status: int = 200) -> Response:
        file = self._files.get(name)
        if file is None:
            raise HTTPException(404, "there is no such file")
        headers = {"etag": file.tag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == file.tag:
            return Response(None, 304, headers)
        return Response(file.content, status, headers, file.type)

    async def _login(self, request: Request) -> Response:
        if request.method != "POST":
            verdict = await self._access.may_look(request)
            known = verdict.allowed
            return RedirectResponse("/", 303) if known else self._file("login.html", request)
        if not self._access.needed:
            return RedirectResponse("/", 303)
        verdict = await self._access.compare(request, await _password(request, self._body_s))
        if verdict.allowed:
            return RedirectResponse("/", 303, {"set-cookie": self._access.new_cookie()})
        if "text/html" in request.headers.get("accept", ""):
            # A browser without scripts: the form again, and its style sheet shows the message.
            return RedirectResponse(f"/login#{'wait' if verdict.wait_s else 'wrong'}", 303)
        return _no(verdict, "wrong password")

    async def _logout(self, request: Request) -> Response:
        cookie = self._access.end(request)
        return RedirectResponse("/login", 303, {"set-cookie": cookie})

    # Pictures

    async def _stream(self, request: Request) -> Response:
        feed = self.stream_feed
        if not self._permits.pictures:
            return self._refuse("pictures")
        if feed.readers >= self._web.max_viewers:
            reason = "there are as many viewers as [web] max_viewers allows"
            return refused(503, reason, {"retry-after": "10"})
        if request.method == "HEAD":
            return Response(None, media_type=MULTIPART)
        return FeedResponse(feed, _stream_parts(feed), MULTIPART)

    async def _snapshot(self, request: Request) -> Response:
        if not self._permits.pictures:
            return self._refuse("pictures")
        result = self._live.state.newest()
        if result is None:
            return refused(503, "there is no picture yet", {"retry-after": "1"})
        return Response(self.pictures.jpeg(result), media_type="image/jpeg")

    async def _chart(self, request: Request) -> Response:
        svg = hours_svg(self._facts.last_day())
        headers = {"content-security-policy": SVG_POLICY}
        return Response(svg, headers=headers, media_type="image/svg+xml")

    def _refuse(self, what: str) -> Response:
        return refused(403, f'no {what}: privacy = "{self._permits.level}" in the settings')

    # Data

    async def _events(self, request: Request) -> Response:
        feed = self.event_feed
        if feed.readers >= self._web.max_viewers:
            reason = "there are as many listeners as [web] max_viewers allows"
            return refused(503, reason, {"retry-after": "10"})
        if request.method == "HEAD":
            return Response(None, media_type="text/event-stream")
        return FeedResponse(feed, _event_texts(feed), "text/event-stream")

    async def _description(self, request: Request) -> Response:
        return Response(self._api, media_type="application/json")

    async def _status(self, request: Request) -> Response:
        status = self._facts.status(self.stream_feed.readers)
        return JSONResponse(status | {"login": self._access.needed})

    async def _faces(self, request: Request) -> Response:
        if not self._permits.people_in_view:
            return self._refuse("people in view")
        result: Result | None = self._live.state.newest()
        return JSONResponse(self._facts.faces(result))

    async def _counts(self, request: Request) -> Response:
        by = request.query_params.get("by", "hour")
        if by != "hour":
            return refused(400, "visits are counted by=hour only")
        return JSONResponse(self._facts.counts())

    def _guarded(self, handler: Handler) -> Handler:
        """Return a handler that answers those only who may look."""

        async def answer(request: Request) -> Response:
            verdict = await self._access.may_look(request)
            if verdict.allowed:
                return await handler(request)
            response = _no(verdict, "this page needs its password")
            # Other software asks for the password; a browser must not, the page has its own form.
            if request.headers.get("accept", "*/*") == "*/*" and not verdict.wait_s:
                response.headers["www-authenticate"] = 'Basic realm="Facet", charset="UTF-8"'
            return response

        return answer


def _no(verdict: Verdict, reason: str) -> Response:
    """Return the answer to those who may not look."""
    if verdict.wait_s:
        reason = "too many wrong passwords"
        return refused(429, reason, {"retry-after": str(verdict.wait_s)})
    return refused(401, reason)


async def _stream_parts(feed: Feed) -> AsyncIterator[bytes]:
    """Yield the pictures of a feed, each with the boundary that ends it, so that it is shown."""
    yield f"--{BOUNDARY}\r\n".encode()
    number, last = 0, b""
    while not feed.closed:
        parts, number = await feed.newer(number, AGAIN_S)
        last = parts[-1] if parts else last
        if last and not feed.closed:
            yield last


async def _event_texts(feed: Feed) -> AsyncIterator[bytes]:
    """Yield the events of a feed."""
    yield b"retry: 3000\n\n"
    number = 0
    while not feed.closed:
        texts, number = await feed.newer(number, AGAIN_S)
        yield b"".join(texts) or b":\n\n"


def _part(jpeg: bytes) -> bytes:
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
    return b"".join((head.encode(), jpeg, f"\r\n--{BOUNDARY}\r\n".encode()))


def _event(kind: str, value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {text}\n\n".encode()


async def _password(request: Request, body_s: float) -> str:
    """Return the form field `password` of a request, "" where there is none."""
    body = b""
    try:
        async with asyncio.timeout(body_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise HTTPException(413, "the request is too large")
    except TimeoutError:
        raise HTTPException(408, "the request did not come") from None
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        raise HTTPException(400, "the request has too many fields") from None
    return fields.get("password", [""])[0]


async def _as_json(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return refused(500, "internal error")
    return refused(error.status_code, error.detail.lower(), dict(error.headers or {}))
