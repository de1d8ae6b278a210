"""Photos and labels in Google's and Azure's object stores, as their emulators that run here."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.device.label.conftest import environment, rows_of, run

parquet = pytest.importorskip("pyarrow.parquet", reason="no pyarrow (requirements-label.txt)")

# Azurite's own account, which is in its documentation.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
UPLOAD = """
import sys, pathlib, fsspec
system, path = fsspec.core.url_to_fs("{kind}://photos/in")
{mkdir}
for name in sys.argv[1:]:
    system.pipe_file(f"{path}/{pathlib.Path(name).name}", pathlib.Path(name).read_bytes())
"""


@dataclass(frozen=True)
class Emulated:
    """A kind of address, and how it is emulated."""

    kind: str
    package: str
    command: str
    """Without the port, which comes last."""
    missing: str


GS = Emulated(
    "gs",
    "gcsfs",
    f"{sys.executable} -m gcp_storage_emulator start --in-memory --host 127.0.0.1 "
    "--default-bucket photos --port",
    "" if find_spec("gcp_storage_emulator") else "pip install gcp-storage-emulator",
)
AZ = Emulated(
    "az",
    "adlfs",
    "azurite-blob --blobHost 127.0.0.1 --silent --inMemoryPersistence --skipApiVersionCheck "
    "--blobPort",
    "" if shutil.which("azurite-blob") else "npm install -g azurite",
)


def leading_to(store: Emulated, port: int, key: str = KEY) -> dict[str, str]:
    """Return the environment with the address and credentials of a store."""
    if store is GS:
        # gcsfs would ask by gRPC, for a minute, whether the bucket is one with folders.
        return environment(
            STORAGE_EMULATOR_HOST=f"http://127.0.0.1:{port}",
            FSSPEC_GCS_TOKEN="anon",
            GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT="false",
        )
    place = f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT}"
    text = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};{place};"
    return environment(AZURE_STORAGE_CONNECTION_STRING=text)


@pytest.fixture(scope="module", params=[GS, AZ], ids=lambda store: store.kind)
def store(request) -> Emulated:
    found: Emulated = request.param
    if not find_spec(found.package):
        pytest.skip(f"no {found.package} (requirements-{found.kind}.txt)")
    return found


@pytest.fixture(scope="module")
def env(store, archive, tmp_path_factory) -> Iterator[dict[str, str]]:
    """A store with the archive's photos, and the environment that leads to it."""
    if store.missing:
        pytest.skip(f"no emulator of {store.kind}://: {store.missing}")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    folder = tmp_path_factory.mktemp(store.kind)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*store.command.split(), str(port)], cwd=folder, stdout=log, stderr=log
        )
    try:
        _wait_for(port, process, folder / "log")
        leading = leading_to(store, port)
        photos = [*sorted((archive / "a").iterdir())[:6], archive / "a" / "broken.jpg"]
        (folder / "empty.png").write_bytes(b"")
        (folder / "readme.md").write_bytes(b"words")
        mkdir = "" if store is GS else "system.mkdir('photos')"
        code = UPLOAD.replace("{kind}", store.kind).replace("{mkdir}", mkdir)
        files = [*photos, folder / "empty.png", folder / "readme.md"]
        subprocess.run([sys.executable, "-c", code, *files], env=leading, check=True)
        yield leading
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_for(port: int, process: subprocess.Popen, log: Path) -> None:
    end_s = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.poll() is None and time.monotonic() < end_s, log.read_text()
            time.sleep(0.1)


@pytest.mark.slow  # the next one reads the same photos
def test_photos_are_labelled_as_those_of_a_disk(store, env, archive, tmp_path):
    done = run(f"{store.kind}://photos/in", "--out", tmp_path / "out", "--workers", 1, env=env)
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "out")
    assert [row["path"] for row in rows][:2] == [
        f"{store.kind}://photos/in/00000.jpg",
        f"{store.kind}://photos/in/00001.jpg",
    ]
    assert [row["face"] for row in rows] == [1] * 6 + [0, 0]
    names = sorted((archive / "a").iterdir())[:6]
    (tmp_path / "list.txt").write_text("".join(f"{name}\n" for name in names))
    here = run(tmp_path / "list.txt", "--out", tmp_path / "here", "--workers", 1)
    assert here.returncode == 0
    same = rows_of(tmp_path / "here")
    assert [row["Smiling"] for row in rows[:6]] == [row["Smiling"] for row in same]


def test_labels_go_to_the_store_and_go_on(store, env):
    place = f"{store.kind}://photos/labels"
    words = (f"{store.kind}://photos/in/0*.jpg", "--out", place, "--workers", 1)
    first = run(*words, env=env)
    assert first.returncode == 0, first.stderr
    assert "6 pictures: 6 faces" in first.stdout + first.stderr
    again = run(*words, env=env)
    assert again.returncode == 0, again.stderr
    assert "6 of them are done" in again.stderr and "0 pictures" in again.stdout + again.stderr


def test_a_bucket_that_is_missing_is_named(store, env, tmp_path):
    done = run(f"{store.kind}://nowhere/in", "--out", tmp_path / "out", env=env)
    assert done.returncode == 3, done.stderr
    assert "does not exist" in done.stderr and done.stderr.count("\n") == 1


@contextmanager
def denying() -> Iterator[int]:
    """Give the port of a server that denies everything, as a bucket without rights does."""

    class Deny(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'{"error": {"code": 403, "message": "denied"}}'
            self.send_response(403)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_PUT = do_POST = do_GET

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Deny) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running.server_address[1]
        running.shutdown()
        thread.join()


def test_a_bucket_that_denies_is_one_line_with_its_own_credentials(store, tmp_path):
    credentials = {"gs": "GOOGLE_APPLICATION_CREDENTIALS", "az": "AZURE_STORAGE_CONNECTION_STRING"}
    with denying() as port:
        words = (f"{store.kind}://photos/in", "--out", tmp_path / "out")
        done = run(*words, env=leading_to(store, port))
    assert done.returncode == 3, done.stderr
    assert "access denied" in done.stderr and credentials[store.kind] in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_objects_that_are_denied_are_rows(store, tmp_path):
    (tmp_path / "list.txt").write_text(f"{store.kind}://photos/1.jpg\n")
    with denying() as port:
        words = (tmp_path / "list.txt", "--out", tmp_path / "out", "--workers", 1)
        done = run(*words, env=leading_to(store, port))
    assert done.returncode == 3, done.stderr
    assert [row["reason"] for row in rows_of(tmp_path / "out")] == ["access denied"]


def test_missing_credentials_are_named(tmp_path):
    if not find_spec(AZ.package):
        pytest.skip("no adlfs (requirements-az.txt)")
    env = {name: value for name, value in environment().items() if not name.startswith("AZURE")}
    done = run("az://photos/in", "--out", tmp_path / "out", env=env)
    assert done.returncode == 3, done.stderr
    assert "access denied" in done.stderr and "AZURE_STORAGE_CONNECTION_STRING" in done.stderr
