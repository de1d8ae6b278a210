"""A page that is served for real, on a free port of this computer."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from device.config import merge
from device.outputs.live import LiveRun, LiveState
from device.settings import Settings
from device.stopwatch import Stopwatch
from device.web.connection import Limits
from device.web.server import WebPage
from tests.device.outputs.made_up import face, result

PASSWORD = "correct horse"
# Of PASSWORD, at a lower cost than `hash_password` has: tests compare it often.
HASH = "scrypt$16$8$1$MDEyMzQ1Njc4OWFiY2RlZg==$OAkZqUBelG6VIYdTJfYSENL5OmZRxMa3GwXn5oFliTg="
WAIT_S = 30.0  # a busy machine needs seconds for what takes milliseconds


def live_run(web=(), log=None, visits=None, **tables) -> LiveRun:
    """Return a run whose loop is the test; web: settings of [web]."""
    settings = merge(Settings(), {"web": {"address": "127.0.0.1:0"} | dict(web), **tables}, "test")
    state = LiveState({"Bald": 0.5, "Smiling": 0.5}, 1.0)
    shown = ("Smiling",)
    return LiveRun(
        settings, state, None, shown, "usb:0", log, visits, Stopwatch(), lambda: 7, lambda: False
    )


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds; fail after a generous time."""
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s, f"{what} did not happen within {WAIT_S:g} s"
        time.sleep(0.02)


class Served:
    """A page with a client, and what feeds it."""

    def __init__(self, live: LiveRun, page: WebPage):
        self.live, self.page = live, page
        self.port = page.listen.port
        self.url = page.url.rstrip("/")
        self.count = 0

    def client(self, **options) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=WAIT_S, trust_env=False, **options)

    def show(self, *faces, shape=(120, 160, 3)) -> None:
        """Let the loop write one more frame."""
        self.count += 1
        shown = faces or (face(),)
        self.live.state.write(
            result(*shown, index=self.count, seconds=self.count / 10, shape=shape)
        )


class Loop:
    """A loop that writes frames until it is left, as fast as a camera."""

    def __init__(self, page, shape=(120, 160, 3)):
        self._page, self._shape = page, shape
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stop.wait(0.03):
            self._page.show(face(), shape=self._shape)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Return a function that serves a page until the test ends; limits: of one client."""
    with contextlib.ExitStack() as stack:

        def start(limits: Limits | None = None, live: LiveRun | None = None, **web) -> Served:
            live = live or live_run(web)
            page = stack.enter_context(WebPage(live, limits))
            return Served(live, page)

        yield start


@pytest.fixture
def served(serve) -> Served:
    """A page without a password, of a run with one frame."""
    page = serve()
    page.show()
    return page
