"""A computer that qemu-system pretends to be: boots a disk, obeys as root, can lose its power."""

import contextlib
import re
import secrets
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from device.errors import FacetError

# On a busy computer the guest's disks take longer to appear than the 90 s that systemd waits. Not
# rootdelay as well: Debian's initrd sleeps for all of it.
PATIENT = "systemd.default_device_timeout_sec=900 systemd.default_timeout_start_sec=900"
PORT = "agent"  # where the guest's shell listens: /dev/virtio-ports/agent


class HungError(FacetError):
    """The guest did not answer in time."""


@dataclass(frozen=True)
class Hardware:
    """What the guest is made of. disks: raw images, the first has the system and is written to."""

    kernel: Path
    initrd: Path
    disks: Sequence[Path]


@dataclass(frozen=True)
class Answer:
    """What a command printed, stdout and stderr together, and its exit code."""

    code: int
    text: str


class Guest:
    """One boot of a machine, until the block is left: then its power is cut.

    folder: for its console's output (console.log) and the socket to its shell.
    """

    def __init__(self, hardware: Hardware, folder: Path):
        self._hardware, self._folder = hardware, folder
        self.console, self._qemu_log = folder / "console.log", folder / "qemu.log"

    def __enter__(self):
        address = self._folder / "agent.sock"
        address.unlink(missing_ok=True)
        words = _command(self._hardware, self.console)
        words += ["-device", "virtio-serial-pci"]
        words += ["-device", f"virtserialport,chardev=shell,name={PORT}"]
        words += ["-chardev", f"socket,id=shell,path={address},server=on,wait=off"]
        self._qemu = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=self._qemu_log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        try:
            self._shell = socket.socket(socket.AF_UNIX)
            _retry(lambda: self._shell.connect(str(address)), 20)
        except BaseException:
            self.cut_power()
            raise
        return self

    def __exit__(self, *exc):
        self.cut_power()

    def run(self, script: str, timeout_s: float) -> Answer:
        """Return what a script in the guest's shell comes to; HungError if it takes longer."""
        mark = secrets.token_hex(8)
        line = f"( {script}\n) </dev/null 2>&1; code=$?; echo; echo {mark} $code\n"
        self._shell.sendall(line.encode())
        end = re.compile(rb"\n%s (\d+)\n" % mark.encode())
        ends_s, received = time.monotonic() + timeout_s, b""
        while not (found := end.search(received)):
            left_s = ends_s - time.monotonic()
            if left_s <= 0:
                raise HungError(f"no answer within {timeout_s:.0f} s to: {script}; {self._last()}")
            self._shell.settimeout(left_s)
            with contextlib.suppress(TimeoutError):
                received += self._receive(script)
        text = received[: found.start()].decode("utf-8", "replace").strip()
        return Answer(int(found[1]), text)

    def _receive(self, script: str) -> bytes:
        """Return what the guest's shell says next; FacetError where there is no guest any more."""
        with contextlib.suppress(ConnectionError):
            if heard := self._shell.recv(1 << 16):
                return heard
        self._qemu.wait(10)
        raise FacetError(f"the machine ended at: {script}; {self._last()}")

    def must(self, script: str, timeout_s: float) -> str:
        """Return what a script prints; FacetError if it fails."""
        answer = self.run(script, timeout_s)
        if answer.code:
            raise FacetError(f"failed ({answer.code}): {script}: {answer.text[-400:]}")
        return answer.text

    def shut_down(self, timeout_s: float) -> None:
        """Have the system end by itself, as `poweroff` does."""
        self._shell.sendall(b"systemctl poweroff\n")
        try:
            self._qemu.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise HungError(f"not off after {timeout_s:.0f} s; {self._last()}") from None

    def cut_power(self) -> None:
        """End the machine between two instructions; what it had not yet written is lost."""
        self._qemu.kill()
        self._qemu.wait()
        if hasattr(self, "_shell"):
            self._shell.close()

    def _last(self) -> str:
        """Return the last that the console or qemu received."""
        if self._qemu.poll() is not None and self._qemu_log.stat().st_size:
            return self._qemu_log.read_text(errors="replace")[-300:]
        text = self.console.read_text(errors="replace") if self.console.exists() else ""
        return "console: " + " ".join(text[-300:].split())


def _command(hardware: Hardware, console: Path) -> list[str]:
    words = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "Haswell", "-m", "2048", "-smp", "2"]
    words += ["-display", "none", "-nic", "none", "-no-reboot", "-serial", f"file:{console}"]
    words += ["-kernel", str(hardware.kernel), "-initrd", str(hardware.initrd)]
    # The driver complains when it is late, and a slow console makes it later still.
    words += ["-append", "root=/dev/vda rw console=ttyS0 loglevel=3 panic=-1 " + PATIENT]
    for disk in hardware.disks:
        words += ["-drive", f"file={disk},format=raw,if=virtio"]
    return words


def _retry(attempt, seconds: float) -> None:
    ends_s = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except OSError as error:
            if time.monotonic() > ends_s:
                raise FacetError(f"qemu does not start: {error}") from error
            time.sleep(0.1)
