"""What a run of the bench is connected with: broker, server, viewers, in processes of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from ..errors import FacetError

START_S = 30.0
END_S = 10.0

# Reads pictures and events until its input ends, then prints how many bytes it has read.
VIEWERS = """
import select, socket, sys, time
port, number, patience_s = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
end_s = time.monotonic() + patience_s
def connected():
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except OSError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.05)
viewers, total = [], 0
for path in ["/stream.mjpg", "/events"] * number:
    viewers.append(connected())
    viewers[-1].sendall(f"GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n".encode())
print("ready", flush=True)
while sys.stdin not in (ready := select.select([sys.stdin, *viewers], [], [])[0]):
    for viewer in ready:
        received = len(viewer.recv(1_000_000))
        total += received
        if not received:
            viewers.remove(viewer)
print(total)
"""
# Answers webhooks, and prints a line for each.
RECEIVER = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
        print("webhook", flush=True)
    def log_message(self, *_):
        pass
server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


class Viewers:
    """So many viewers of the page at a port, while entered: each reads pictures and events."""

    def __init__(self, port: int, number: int = 1):
        self._process = _python(VIEWERS, str(port), str(number), str(START_S))
        self.read_bytes = 0
        """What they have read together; 0 until they have been left."""

    def __enter__(self) -> Self:
        _first_line(self._process, "the viewers")
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self.read_bytes = int(self._process.communicate(timeout=END_S)[0] or 0)
        finally:
            _end(self._process)


class Receiver:
    """A server that takes webhooks while entered."""

    def __init__(self) -> None:
        self._process = _python(RECEIVER)
        self.url = ""
        self.count = 0
        """Webhooks; 0 until it has been left."""

    def __enter__(self) -> Self:
        port = int(_first_line(self._process, "the server of webhooks"))
        self.url = f"http://127.0.0.1:{port}/"
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        if self._process.stdout:
            self.count = self._process.stdout.read().count(b"\n")
        _end(self._process)


class AwakeCores:
    """Keeps each core busy, at the lowest priority, while entered.

    A core that sleeps between two frames is slow when it wakes: a run that sleeps less would seem
    to cost less.
    """

    def __enter__(self) -> Self:
        # They end by themselves where this process was killed.
        busy = "import os; os.nice(19); by = os.getppid()\nwhile os.getppid() == by: pass"
        command = [sys.executable, "-c", busy]
        self._processes = [
            subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(os.cpu_count() or 1)
        ]
        return self

    def __exit__(self, *exc: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


class Broker:
    """A Mosquitto of its own while entered. `find` returns the program, or None."""

    def __init__(self, program: str, folder: Path):
        self.port = free_port()
        config = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", "persistence false"]
        config.write_text("\n".join(lines) + "\n")
        self._process = subprocess.Popen(
            [program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    @staticmethod
    def find() -> str | None:
        """Return Mosquitto's path; Debian keeps it where only root looks."""
        return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

    def __enter__(self) -> Self:
        end_s = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except OSError as error:
                if time.monotonic() > end_s or self._process.poll() is not None:
                    _end(self._process)
                    raise FacetError("Mosquitto does not start", "mosquitto -v") from error
                time.sleep(0.05)

    def __exit__(self, *exc: object) -> None:
        _end(self._process)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def _python(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet)


def _first_line(process: subprocess.Popen[bytes], what: str) -> str:
    """Return the first line that a process prints; FacetError if it ends without one."""
    line = process.stdout.readline().decode() if process.stdout else ""
    if not line:
        _end(process)
        raise FacetError(f"{what} did not start", "the bench again")
    return line


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
