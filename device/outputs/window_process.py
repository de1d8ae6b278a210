"""The window in a process of its own, because Qt ends its process when the X server dies.

The process runs this module's `main`: the sizes of pictures in at stdin, keys out at stdout, the
pixels in memory that both processes share. It ends with stdin, or when its window is closed.
"""

import contextlib
import mmap
import os
import pwd
import select
import signal
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping

import cv2
import numpy as np

from ..errors import FacetError, one_line
from ..types import Image

TITLE = "Facet"
START_S = 20.0  # to open a window on a slow computer
CLOSE_S = 1.0  # then the process is killed
POLL_S = 0.015  # between two checks for keys while no picture comes
SIZE = struct.Struct("<II")  # height and width of the picture that is in the shared memory
READY, KEY, CLOSED = b"r", b"k", b"c"  # first byte of a message; the second is the key
ONE_WHEEL = "pip uninstall -y opencv-python-headless opencv-python; pip install opencv-python"


class ScreenError(FacetError):
    """There is no screen that OpenCV can open a window on."""


class WindowProcess:
    """A window of another process. Nothing here waits for the screen but the start and the end.

    keys: pressed and not yet taken. ready: the window can take a picture. closed: by the user.
    lost: why the process ended by itself, else "". Raises ScreenError if no window can be opened.
    """

    def __init__(self) -> None:
        refuse_without_display(os.environ)
        self.keys: deque[int] = deque()
        self.ready = self.closed = False
        self.lost = ""
        self._memory = os.memfd_create("picture")
        self._errors = os.memfd_create("errors")
        self._mapped: mmap.mmap | None = None
        self._process = _start(self._memory, self._errors)
        assert self._process.stdin and self._process.stdout
        self._sizes, self._messages = self._process.stdin, self._process.stdout
        try:
            self._await_window()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "WindowProcess":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _await_window(self) -> None:
        end_s = time.monotonic() + START_S
        while not (self.ready or self.lost):
            if time.monotonic() > end_s:
                self._process.kill()
                self.lost = f"no window within {START_S:.0f} s"
            self.poll(0.1)
        if self.lost:
            raise screen_error(self._stderr(), os.environ)

    def canvas(self, shape: tuple[int, ...]) -> Image:
        """Return the shared picture, uint8 `shape`, to be drawn while `ready`; then call `show`."""
        size = int(np.prod(shape))
        if self._mapped is None or len(self._mapped) < size:
            os.ftruncate(self._memory, size)
            self._mapped = mmap.mmap(self._memory, size)
        return np.frombuffer(self._mapped, np.uint8, size).reshape(shape)

    def show(self, shape: tuple[int, ...]) -> None:
        """Show the shared picture."""
        self.ready = False
        with contextlib.suppress(OSError):  # `poll` finds out why
            self._sizes.write(SIZE.pack(*shape[:2]))

    def poll(self, wait_s: float = 0.0) -> None:
        """Take the messages of the process, after waiting up to `wait_s` for the first."""
        while not (self.closed or self.lost) and _is_readable(self._messages.fileno(), wait_s):
            wait_s = 0.0
            message = self._messages.read(2) or b""
            if message[:1] == KEY:
                self.keys.append(message[1])
            elif message[:1] == READY:
                self.ready = True
            elif message[:1] == CLOSED:
                self.closed = True
            else:
                self.lost = self._end()

    def _end(self) -> str:
        """Return why the process ended."""
        try:
            code = self._process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if code == 1:  # by Qt, GTK or Xlib
            return "its X server has ended"
        if code < 0:
            return f"its process was killed by signal {-code}"
        last_line = self._stderr().strip().rpartition("\n")[2]
        return f"its process ended with code {code}: {one_line(last_line) or 'no message'}"

    def _stderr(self) -> str:
        size = os.fstat(self._errors).st_size
        return os.pread(self._errors, size, 0)[-2000:].decode(errors="replace")

    def close(self) -> None:
        """Close the window; kill its process if the screen does not let it end."""
        for descriptor in (self._memory, self._errors):
            if descriptor >= 0:
                os.close(descriptor)
        self._memory = self._errors = -1
        with contextlib.suppress(OSError):
            self._sizes.close()
        try:
            self._process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._messages.close()


def _start(memory: int, errors: int) -> "subprocess.Popen[bytes]":
    path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
    env = os.environ | {"PYTHONPATH": path}
    if env.get("QT_QPA_PLATFORM", "").startswith("wayland"):
        env["QT_QPA_PLATFORM"] = "xcb"  # the only one in OpenCV's wheel
    return subprocess.Popen(
        # -P: not from the working directory, unless this process does.
        [sys.executable, "-P", "-m", __name__, str(memory)],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        pass_fds=[memory],
        env=env,
        start_new_session=True,  # Ctrl-C is for the pipeline, which then ends this process
    )


def _is_readable(descriptor: int, wait_s: float) -> bool:
    poller = select.poll()  # select() takes no descriptor above 1023
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(wait_s * 1000))


def refuse_without_display(environ: Mapping[str, str]) -> None:
    """Raise ScreenError if no X server is named."""
    if environ.get("DISPLAY"):
        return
    if environ.get("WAYLAND_DISPLAY"):
        raise ScreenError(
            "DISPLAY is not set: the desktop is Wayland without Xwayland, which OpenCV needs",
            "sudo apt install xwayland and log in again, or --headless",
        )
    raise ScreenError(
        "DISPLAY is not set", "--headless, or at the computer's own screen: export DISPLAY=:0"
    )


def screen_error(stderr: str, environ: Mapping[str, str]) -> ScreenError:
    """Return why no window could be opened, of what the process printed."""
    display = environ.get("DISPLAY", "")
    refused = ("Authorization required", "MIT-MAGIC-COOKIE", "No protocol specified")
    if "not implemented" in stderr:
        return ScreenError(
            "this OpenCV has no windows: the package opencv-python-headless replaces them",
            ONE_WHEEL,
        )
    if any(text in stderr for text in refused):
        return ScreenError(
            f"the X server at DISPLAY={display} refuses {_user()}",
            f"xhost +SI:localuser:{_user()}, as the user who is logged in at the screen",
        )
    if "connect to display" in stderr or "cannot open display" in stderr:
        return ScreenError(
            f"no X server answers at DISPLAY={display}",
            "--headless, or at the computer's own screen: export DISPLAY=:0",
        )
    reason = one_line(stderr.strip().rpartition("\n")[2]) or f"no answer within {START_S:.0f} s"
    hint = "unset QT_QPA_PLATFORM" if "QT_QPA_PLATFORM" in environ else "--headless"
    return ScreenError(f"no window can be opened on DISPLAY={display}: {reason}", hint)


def screen_fault(environ: Mapping[str, str]) -> ScreenError | None:
    """Return why no window can be opened here; None if one can."""
    try:
        refuse_without_display(environ)
        with WindowProcess():
            return None
    except ScreenError as error:
        return error


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def main() -> int:
    """Show the pictures that stdin announces until it ends or the window is closed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    messages = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no message
    cv2.setNumThreads(1)
    cv2.namedWindow(".", cv2.WINDOW_NORMAL)  # the trial: it aborts without a screen
    cv2.destroyAllWindows()
    with contextlib.suppress(BrokenPipeError):
        _serve(int(sys.argv[1]), lambda kind, key=0: os.write(messages, kind + bytes([key])))
    return 0


def _serve(memory: int, send: Callable[..., int]) -> None:
    send(READY)
    shown: tuple[int, int] | None = None
    while True:
        if _is_readable(0, POLL_S if shown else -0.001):
            size = os.read(0, SIZE.size)
            if len(size) < SIZE.size:
                return
            height, width = SIZE.unpack(size)
            with mmap.mmap(memory, height * width * 3, prot=mmap.PROT_READ) as mapped:
                picture = np.frombuffer(mapped, np.uint8).reshape(height, width, 3)
                if shown is None:
                    _open(width, height)
                cv2.imshow(TITLE, picture)  # makes a copy
                del picture
            shown = height, width
            key = cv2.waitKey(1)
            send(READY)
        else:
            key = cv2.waitKey(1)
        if key >= 0:
            send(KEY, key & 0xFF)
        if cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) <= 0:
            send(CLOSED)
            return


def _open(width: int, height: int) -> None:
    cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
    scale = min(max(1.0, 480 / height), 1280 / width, 720 / height)
    cv2.resizeWindow(TITLE, max(1, round(width * scale)), max(1, round(height * scale)))


if __name__ == "__main__":
    sys.exit(main())
