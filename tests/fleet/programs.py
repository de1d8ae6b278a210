"""Broker, database, ingest and network of a fleet, as real processes that can be killed."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from device.errors import UsageError

ROOT = Path(__file__).parent.parent.parent
FILES = ROOT / "docs" / "fleet"
PATHS = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
START_S = 60.0
PACKAGES = "pip install -r requirements-mqtt.txt -r requirements-postgres.txt"
FIRST_PORT, PORTS = 20_000, 12_000  # Linux gives connections those from 32,768


def missing() -> str:
    """Return what this computer lacks for a fleet, and how to install it; "" if nothing."""
    if not shutil.which("mosquitto", path=PATHS):
        return "needs Mosquitto: sudo apt install mosquitto"
    if not _postgres_folder():
        return "needs PostgreSQL: sudo apt install postgresql"
    if not shutil.which("openssl"):
        return "needs OpenSSL: sudo apt install openssl"
    for package in ("paho", "psycopg"):
        if not find_spec(package):
            return f"needs {package}: {PACKAGES}"
    return ""


def free_port() -> int:
    """Return a port that no connection gets from the system.

    While a server is down, a client that tries its port may get that very port for its own end.
    It is then connected to itself, and the server cannot come back.
    """
    while True:
        port = FIRST_PORT + secrets.randbelow(PORTS)
        with socket.socket() as server, contextlib.suppress(OSError):
            server.bind(("127.0.0.1", port))
            return port


def wait_until(condition: Callable[[], object], what: str, limit_s: float = START_S) -> None:
    """Return when the condition holds; AssertionError after limit_s."""
    end_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end_s:
            raise AssertionError(f"not within {limit_s:.0f} s: {what}")
        time.sleep(0.05)


class Process:
    """A program with its children in a group of their own; its log is a file of the folder."""

    def __init__(self, name: str, folder: Path, command: Sequence[object], **options: Any):
        self.name, self.log = name, folder / f"{name}.log"
        self._command, self._options = [str(word) for word in command], options
        self._process: subprocess.Popen[bytes] | None = None
        self._spent_s = 0.0  # CPU time of earlier starts

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._options,
            )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it and its children as a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it in order; return its exit code."""
        return self._end(number)

    def _end(self, number: int) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        self._spent_s += cpu_s(process.pid)
        # Children of PostgreSQL have process groups of their own.
        ended = _family(process.pid) if number == signal.SIGKILL else [process.pid]
        for pid in ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return process.wait(60)

    def cpu_s(self) -> float:
        """CPU time of all its starts, with its children, s."""
        return self._spent_s + (cpu_s(self._process.pid) if self._process else 0.0)

    def memory_mb(self) -> float:
        """Memory of it and its children, MB; what they share counts once."""
        return sum(map(_pss_kb, _family(self._process.pid))) / 1000 if self._process else 0.0


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _family(pid: int) -> list[int]:
    """Return a process and its children."""
    found = [pid]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))) and int(fields[1]) == pid:
            found.append(int(entry.name))
    return found


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process and its children, those that ended too, s."""
    ticks = 0
    for number, member in enumerate(_family(pid)):
        fields = _stat(member)
        if fields:  # utime, stime, and of the first one those of its ended children
            ticks += sum(map(int, fields[11:13] if number else fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _pss_kb(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


class Secrets:
    """Authority, certificates and users, made by keys.sh of the fleet."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._run("init", "127.0.0.1")

    def add_camera(self, camera: str) -> str:
        """Return the lines that keys.sh prints for a new camera."""
        return self._run("camera", camera)

    def add_cameras(self, cameras: Sequence[str]) -> None:
        """Add many at once, in the form of keys.sh, which takes a tenth of a second for each."""
        with (self.folder / "broker" / "passwords").open("a") as file:
            for camera in cameras:
                password, salt = secrets.token_hex(24), secrets.token_bytes(12)
                digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
                texts = (base64.b64encode(one).decode() for one in (salt, digest))
                file.write(f"{camera}:$7$101${'$'.join(texts)}\n")
                self.password(camera).write_text(password)

    def password(self, camera: str) -> Path:
        return self.folder / "cameras" / f"{camera}.password"

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [FILES / "keys.sh", *words],
            env={**os.environ, "SECRETS": str(self.folder)},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise UsageError(f"keys.sh {words[0]} failed: {done.stderr}", "openssl version")
        return done.stdout


class Broker(Process):
    """Mosquitto with the fleet's own configuration, in a folder."""

    def __init__(self, folder: Path, keys: Secrets, *options: str):
        self.port = free_port()
        data = folder / "broker"
        data.mkdir()
        text = (FILES / "mosquitto" / "mosquitto.conf").read_text()
        changes = {
            "listener 8883": f"listener {self.port} 127.0.0.1",
            "/mosquitto/config/secrets": str(keys.folder / "broker"),
            "/mosquitto/config/acl": str(FILES / "mosquitto" / "acl"),
            "/mosquitto/data": str(data),
        }
        for old, new in changes.items():
            assert old in text, old
            text = text.replace(old, new)
        if os.geteuid() == 0:
            text += "user root\n"  # its own user may not read the folder
        config = folder / "mosquitto.conf"
        config.write_text(text + "".join(f"{option}\n" for option in options))
        program = shutil.which("mosquitto", path=PATHS)
        super().__init__("mosquitto", folder, [program, "-c", config])
        self.data = data

    def start(self) -> None:
        super().start()
        wait_until(lambda: _answers(self.port), f"Mosquitto listens: {self.log}")

    def save(self) -> None:
        """Make it write its clients and queues to the disk now, not within 30 s."""
        file = self.data / "mosquitto.db"
        before = file.stat().st_mtime_ns if file.exists() else 0
        assert self._process
        self._process.send_signal(signal.SIGUSR1)
        wait_until(lambda: file.exists() and file.stat().st_mtime_ns > before, "Mosquitto saves")


class Database(Process):
    """PostgreSQL in a folder, as safe as a server's: a commit is on the disk."""

    def __init__(self, folder: Path):
        self.port = free_port()
        self._binaries = _postgres_folder()
        assert self._binaries
        self._who = _unprivileged()
        self._data = folder / "database"
        self._data.mkdir()
        folder.chmod(0o711)  # the server's user passes through
        if self._who:
            os.chown(self._data, self._who["user"], self._who["group"])
        init = [self._binaries / "initdb", "-D", self._data / "db", "-U", "facet", "-A", "trust"]
        subprocess.run(
            [*init, "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            capture_output=True,
            cwd="/",
            **self._who,
        )
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "shared_buffers": "128MB",
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        command = [self._binaries / "postgres", "-D", self._data / "db", *words]
        super().__init__("postgres", folder, command, cwd="/", **self._who)
        self.server = f"host=127.0.0.1 port={self.port} user=facet"
        self.dsn = f"{self.server} dbname=facet"

    def start(self) -> None:
        super().start()
        wait_until(self._ready, f"PostgreSQL answers: {self.log}")

    def _ready(self) -> bool:
        assert self.running, self.log.read_text()
        assert self._binaries
        ready = [
            self._binaries / "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            "facet",
        ]
        return subprocess.run(ready).returncode == 0

    def create(self) -> None:
        """Make the database, and a role that reads it."""
        import psycopg

        with psycopg.connect(f"{self.server} dbname=postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE facet")
            connection.execute("CREATE ROLE grafana LOGIN")

    def ask(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        import psycopg

        with psycopg.connect(self.dsn, connect_timeout=5, autocommit=True) as connection:
            found = connection.execute(statement, parameters or None)
            return found.fetchall() if found.description else []


class IngestProcess(Process):
    """`python -m device.fleet ingest`."""

    def __init__(self, folder: Path, keys: Secrets, port: int, dsn: str, *options: str):
        command = [sys.executable, "-m", "device.fleet", "ingest", "--broker", f"127.0.0.1:{port}"]
        command += ["--user", "ingest", "--password-file", str(keys.folder / "ingest.password")]
        command += ["--ca-file", str(keys.folder / "ca.crt"), "--database", dsn, *options]
        super().__init__("ingest", folder, command, cwd=ROOT)

    @property
    def connections(self) -> int:
        """How often it has said that it is connected."""
        return self.log.read_text().count("connected to the broker") if self.log.exists() else 0

    def start(self) -> None:
        before = self.connections
        super().start()
        wait_until(lambda: self.connections > before, f"the ingest is connected: {self.log}")


class Network(Process):
    """A TCP proxy between cameras and broker, which can be cut."""

    def __init__(self, folder: Path, target: int):
        self.port = free_port()
        command = [sys.executable, "-m", "tests.fleet.proxy", self.port, target]
        super().__init__("network", folder, command, cwd=ROOT)

    def start(self) -> None:
        super().start()
        wait_until(lambda: _answers(self.port), f"the proxy listens: {self.log}")

    def freeze(self) -> None:
        """Let nothing through, without closing a connection."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)


def set_up(database: Database) -> None:
    """Make the tables with the command that a user types."""
    words = [sys.executable, "-m", "device.fleet", "setup", "--database", database.dsn]
    subprocess.run([*words, "--reader", "grafana"], cwd=ROOT, check=True)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _postgres_folder() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def _unprivileged() -> dict[str, Any]:
    """Return options of Popen for a user as whom PostgreSQL starts."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return {}
