"""A real headless Chromium, steered by its DevTools protocol.

Over a pipe, not a port: a port would let every program of this computer steer it.
"""

import base64
import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LIMIT_S = 60.0
# Its answers begin at file descriptor 4, it reads from 3.
SHELL = 'exec "$@" 3<&{} 4>&{}'


class Page:
    """One tab, and everything that it reported: requests, console, exceptions."""

    def __init__(self, chromium: "Chromium", session: str):
        self._chromium, self._session = chromium, session
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict:
        """Call a method of the protocol; AssertionError for an error."""
        return self._chromium.call(method, self._session, **parameters)

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """Return what a JavaScript expression is, None where it throws: the page may be loading."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    def wait(self, expression: str, limit_s: float = LIMIT_S) -> Any:
        """Return the value of an expression once it is true."""
        end_s = time.monotonic() + limit_s
        while not (value := self.value(expression)):
            assert time.monotonic() < end_s, f"Chromium: not within {limit_s:.0f} s: {expression}"
            time.sleep(0.1)
        return value

    def type(self, text: str) -> None:
        """Type a text, and the Enter key, where the cursor is."""
        self.call("Input.insertText", text=text)
        enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        self.call("Input.dispatchKeyEvent", type="keyDown", **enter)
        self.call("Input.dispatchKeyEvent", type="keyUp", **enter)

    def screenshot(self, file: Path) -> None:
        """Store what the page looks like as a PNG file."""
        found = self.call("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(found["data"]))

    @property
    def problems(self) -> list[str]:
        """Errors and warnings of the console, and exceptions."""
        found = []
        for event in self._events():
            details = event["params"]
            if event["method"] == "Log.entryAdded":
                entry = details["entry"]
                if entry["level"] in ("error", "warning"):
                    found.append(f"{entry['text']} {entry.get('url', '')}".strip())
            elif event["method"] == "Runtime.exceptionThrown":
                found.append(details["exceptionDetails"]["text"])
            elif event["method"] == "Runtime.consoleAPICalled" and details["type"] == "error":
                found.append(str(details["args"]))
        return found

    @property
    def hosts(self) -> set[str]:
        """Hosts with ports that the page asked; without data: addresses."""
        asked = (
            event["params"]["request"]["url"]
            for event in self._events()
            if event["method"] == "Network.requestWillBeSent"
        )
        return {urlsplit(url).netloc for url in asked if not url.startswith("data:")}

    def _events(self) -> list[dict]:
        return [e for e in self._chromium.events if e.get("sessionId") == self._session]


class Chromium:
    """The browser. trusted: SPKI hash of a certificate to trust, in base64."""

    def __init__(self, process: subprocess.Popen[bytes], reads: int, writes: int):
        self.events: list[dict] = []
        self._process, self._reads, self._writes = process, reads, writes
        self._number, self._rest = 0, b""

    @property
    def version(self) -> str:
        return self.call("Browser.getVersion")["product"]

    def page(self) -> Page:
        """Open a tab."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session)

    def call(self, method: str, session: str = "", **parameters: Any) -> dict:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        end_s = time.monotonic() + LIMIT_S
        while True:
            answer = self._read(end_s)
            if answer.get("id") == self._number:
                assert "error" not in answer, f"Chromium: {method}: {answer['error']}"
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def _read(self, end_s: float) -> dict:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._reads], [], [], max(0.0, end_s - time.monotonic()))
            assert ready, f"Chromium does not answer within {LIMIT_S:.0f} s"
            data = os.read(self._reads, 1 << 20)
            assert data, f"Chromium has ended: {self._process.poll()}"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


@contextlib.contextmanager
def chromium(program: str, folder: Path, trusted: str = "") -> Iterator[Chromium]:
    """Start Chromium with a profile in a folder; ended, with its children, when left.

    trusted: SHA-256 of the public key of a certificate to trust, in base64.
    """
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    flags = [
        *("--headless", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run"),
        *("--window-size=1300,1100", "--disable-background-networking"),
        *([f"--ignore-certificate-errors-spki-list={trusted}"] if trusted else []),
        *(["--no-sandbox"] if os.geteuid() == 0 else []),  # it refuses to run as root otherwise
        f"--user-data-dir={folder / 'profile'}",
    ]
    shell = ["bash", "-c", SHELL.format(theirs_in, theirs_out), "bash", program, *flags]
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            shell, pass_fds=(theirs_in, theirs_out), start_new_session=True, stdout=log, stderr=log
        )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Chromium(process, ours_in, ours_out)
    finally:
        os.close(ours_out)
        os.close(ours_in)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
