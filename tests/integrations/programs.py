"""The programs that the story needs, and the command that installs each."""

import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.integrations.step import NotRun

VERSION = re.compile(r"\d+\.\d+[\w.+~:-]*")
PATHS = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


@dataclass(frozen=True)
class Program:
    """A program of another project.

    names: its commands. version: arguments that print its version. refuses_root: it runs only as
    another user.
    """

    title: str
    names: tuple[str, ...]
    install: str
    version: tuple[str, ...] = ("--version",)
    refuses_root: bool = False

    @property
    def path(self) -> str | None:
        """Where it is; None if it is missing."""
        return next(filter(None, (shutil.which(name, path=PATHS) for name in self.names)), None)

    def need(self) -> str:
        """Return where it is; NotRun without it."""
        if self.path is None:
            raise NotRun(f"{self.title} is missing: {self.install}")
        return self.path

    def user(self, home: Path) -> dict:
        """Return options of Popen for the user that it runs as; home: a folder for its files."""
        if os.geteuid() or not self.refuses_root:
            return {}
        entry = pwd.getpwnam("nobody")
        return {
            **{"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []},
            "env": {"HOME": str(home), "PATH": PATHS},
        }

    @property
    def told(self) -> str:
        """Its version, as the program says it; empty if it is missing."""
        if self.path is None:
            return ""
        words = [self.path, *self.version]
        options = self.user(Path("/nonexistent"))
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, **options)
        found = VERSION.search(done.stdout + done.stderr)
        return found[0] if found else "unknown"


HASS = os.environ.get("FACET_HASS", "")
MOSQUITTO = Program("Mosquitto", ("mosquitto",), "sudo apt install mosquitto", ("-h",))
PASSWD = Program("mosquitto_passwd", ("mosquitto_passwd",), "sudo apt install mosquitto")
HOME_ASSISTANT = Program(
    "Home Assistant",
    (HASS, "hass") if HASS else ("hass",),
    "sudo make home-assistant HASS=/var/tmp/hass, and FACET_HASS=/var/tmp/hass/hass",
)
PROMETHEUS = Program("Prometheus", ("prometheus",), "sudo apt install prometheus")
PROMTOOL = Program("promtool", ("promtool",), "sudo apt install prometheus")
CHROMIUM = Program("Chromium", ("chromium", "chromium-browser"), "sudo apt install chromium")
VLC = Program(
    "VLC",
    ("cvlc",),
    "sudo apt install --no-install-recommends vlc-bin vlc-plugin-base",
    refuses_root=True,
)
FFMPEG = Program("FFmpeg", ("ffmpeg",), "sudo apt install ffmpeg", ("-version",))
OPENSSL = Program("OpenSSL", ("openssl",), "sudo apt install openssl", ("version",))

PROGRAMS = (
    *(MOSQUITTO, HOME_ASSISTANT, PROMETHEUS, PROMTOOL),
    *(CHROMIUM, VLC, FFMPEG, OPENSSL),
)


def run(words: list[str], **options) -> subprocess.CompletedProcess:
    """Run a program to its end; AssertionError with its last words if it fails."""
    done = subprocess.run(words, capture_output=True, **{"timeout": 120} | options)
    last = (done.stderr or done.stdout)[-400:]
    assert done.returncode == 0, f"{words[0]} ended with {done.returncode}: {last!r}"
    return done
