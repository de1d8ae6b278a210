"""A real PostgreSQL server of its own for tests, on a free port of this computer."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def binaries() -> Path | None:
    """Return the folder of Debian's newest initdb and postgres, or the one in PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def require() -> Path:
    """Return that folder, or skip the test; with FACET_INTEGRATIONS=1 it fails."""
    reason = ""
    folder = binaries()
    if folder is None:
        reason = "needs PostgreSQL: sudo apt install postgresql"
    else:
        try:
            import psycopg  # noqa: F401
        except ImportError:
            reason = "needs psycopg: pip install -r requirements-postgres.txt"
    if reason:
        pytest.fail(reason) if os.environ.get("FACET_INTEGRATIONS") == "1" else pytest.skip(reason)
    assert folder
    return folder


def _as_user() -> dict[str, object]:
    """Return how to start a program that refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    with contextlib.suppress(KeyError):
        user = pwd.getpwnam("postgres")
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Start a server; yield its address without a database, "host=... port=... user=facet"."""
    folder, who = require(), _as_user()
    data = Path(tempfile.mkdtemp(prefix="facet-pg-"))
    if who:
        os.chown(data, who["user"], who["group"])  # type: ignore[arg-type]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = None
    try:
        init = [folder / "initdb", "-D", data / "db", "-U", "facet", "-A", "trust", "-E", "UTF8"]
        subprocess.run(
            [*init, "--no-sync", "--locale=C"], check=True, capture_output=True, cwd="/", **who
        )
        options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        options |= {"fsync": "off", "max_connections": "20", "shared_buffers": "16MB"}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (data / "log").open("wb") as log:
            process = subprocess.Popen(
                [folder / "postgres", "-D", data / "db", *words],
                stdout=log,
                stderr=log,
                cwd="/",
                **who,
            )
        address = f"host=127.0.0.1 port={port} user=facet"
        _wait(process, address, data / "log")
        yield address
    finally:
        if process:
            process.send_signal(signal.SIGQUIT)
            process.wait(30)
        shutil.rmtree(data, ignore_errors=True)


def _wait(process: subprocess.Popen, address: str, log: Path) -> None:
    import time

    import psycopg

    for _ in range(300):
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(f"{address} dbname=postgres", connect_timeout=5).close()
            return
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())
