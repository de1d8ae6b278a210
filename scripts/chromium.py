"""A browser to look at the web page with: Chromium without a window, driven by its own protocol.

    with Chromium() as browser:
        page = browser.page(1280, 900, dark=True)
        page.open("http://127.0.0.1:8420/")
        png = page.screenshot()

For scripts.web_pictures and the page's tests. It needs Debian's package chromium and no driver:
the protocol (https://chromedevtools.github.io/devtools-protocol/) goes through two pipes.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

INSTALL = "sudo apt install chromium"
WAIT_S = 60.0  # a busy machine needs seconds for what takes milliseconds
FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--no-default-browser-check",
)  # fmt: skip
# Chromium reads the protocol from descriptor 3 and writes it to 4.
START = (
    "import fcntl, os, sys; first, second = (fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) "
    "for n in sys.argv[1:3]); os.dup2(first, 3); os.dup2(second, 4); "
    "os.execv(sys.argv[3], sys.argv[3:])"
)
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}


class BrowserError(RuntimeError):
    """The browser does not do what it was told."""


def find_chromium() -> str | None:
    """Return the path of the program, None without one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Chromium:
    """A browser while it is entered, with a profile of its own. Use from one thread."""

    def __enter__(self) -> Chromium:
        program = find_chromium()
        if program is None:
            raise BrowserError(f"no chromium. Try: {INSTALL}")
        self._stack = contextlib.ExitStack()
        profile = self._stack.enter_context(
            tempfile.TemporaryDirectory(prefix="facet-chromium-", ignore_cleanup_errors=True)
        )
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # Chromium's sandbox refuses root, whom containers run as.
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        command = [sys.executable, "-c", START, str(theirs_in), str(theirs_out), program]
        self._process = subprocess.Popen(
            [*command, *FLAGS, *root, f"--user-data-dir={profile}"],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._number, self._buffer = 0, b""
        self._pages: dict[str, Page] = {}
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(BrowserError, OSError):
            self.call("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._stack.close()

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command of the protocol; events that come before are kept."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        text = json.dumps(message).encode() + b"\0"
        while text:
            text = text[os.write(self._out, text) :]
        end_s = time.monotonic() + WAIT_S
        while (left_s := end_s - time.monotonic()) > 0:
            answer = self.read(left_s)
            if answer and answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error'].get('message')}")
                result = answer["result"]
                assert isinstance(result, dict)
                return result
        raise BrowserError(f"{method}: no answer")

    def read(self, timeout_s: float) -> dict[str, Any] | None:
        """Return the next message, None if there is none in time; an event goes to its page."""
        while b"\0" not in self._buffer:
            if not select.select([self._in], [], [], timeout_s)[0]:
                return None
            block = os.read(self._in, 1_000_000)
            if not block:
                raise BrowserError("the browser has ended")
            self._buffer += block
        text, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(text)
        assert isinstance(message, dict)
        page = self._pages.get(message.get("sessionId", ""))
        if page is not None and "method" in message:
            page.take(message["method"], message["params"])
        return message

    def page(self, width: int, height: int, dark: bool = False, scripts: bool = True) -> Page:
        """Return a new page with cookies of its own. width, height: px. scripts: JavaScript."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)
        session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, session["sessionId"], context)
        self._pages[page.session] = page
        for domain in ("Page", "Runtime", "Network", "Log", "DOM", "Accessibility"):
            page.call(f"{domain}.enable")
        page.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        page.prefer("prefers-color-scheme", "dark" if dark else "light")
        page.call("Emulation.setScrollbarsHidden", hidden=True)
        page.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        return page


class Page:
    """One tab. requests: addresses that it asked for. complaints: errors and warnings of it."""

    def __init__(self, browser: Chromium, session: str, context: str):
        self._browser, self.session, self._context = browser, session, context
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._loaded = False

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command of the protocol for this page."""
        return self._browser.call(method, self.session, **parameters)

    def take(self, event: str, values: dict[str, Any]) -> None:
        """Note an event of the page."""
        if event == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])
        elif event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(values["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and values["type"] in ("error", "warning"):
            self.complaints.append(json.dumps(values["args"]))
        elif event == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{values['entry']['text']} {values['entry'].get('url', '')}")

    def prefer(self, feature: str, value: str) -> None:
        """Have the user prefer something: "prefers-reduced-motion", "reduce"."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": feature, "value": value}])

    def open(self, url: str) -> None:
        """Go to an address. Returns when it answers: a live picture never ends to load."""
        failed = self.call("Page.navigate", url=url).get("errorText")
        if failed:
            raise BrowserError(f"{url}: {failed}")

    def evaluate(self, code: str) -> Any:
        """Return the value of an expression of JavaScript, awaited; also without page scripts."""
        answer = self.call(
            "Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(f"{code}: {answer['exceptionDetails'].get('exception')}")
        return answer["result"].get("value")

    def until(self, code: str) -> Any:
        """Return the value of an expression when it is true; BrowserError after a long time."""
        last = ""
        end_s = time.monotonic() + WAIT_S
        while time.monotonic() < end_s:
            try:
                # An element is true, and has no value here.
                if value := self.evaluate(f"((it) => it instanceof Node || it)({code})"):
                    return value
                last = str(value)
            except BrowserError as error:  # between two pages there is none
                last = str(error)
            self.rest(0.1)
        raise BrowserError(f"not within {WAIT_S:g} s: {code} ({last})")

    def rest(self, seconds: float) -> None:
        """Let time pass for the page."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            self._browser.read(left_s)

    def type(self, text: str) -> None:
        """Type a text into what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press and release a key: "Tab", "Enter"."""
        values = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        if key == "Enter":
            values["text"] = "\r"
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, **values)

    def click(self, selector: str) -> None:
        """Click with the mouse on the middle of an element."""
        x, y = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); "
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect(); "
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def screenshot(self, whole: bool = False, **options: Any) -> bytes:
        """Return a picture of what is seen, or of the whole page; PNG.

        options: of Page.captureScreenshot, such as format="jpeg", quality=80.
        """
        taken = self.call("Page.captureScreenshot", captureBeyondViewport=whole, **options)
        return base64.b64decode(taken["data"])

    def accessible(self) -> list[tuple[str, str]]:
        """Return (role, name) of what a screen reader finds, in its order."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node.get("ignored") and "role" in node
        ]

    def close(self) -> None:
        """End the page and forget its cookies."""
        self._browser.call("Target.disposeBrowserContext", browserContextId=self._context)
