"""Passwords that are wrong and certificates out of date: one line with what mends it."""

from __future__ import annotations

import gc
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from device.fleet.subscription import Subscription
from device.mqtt.connection import BrokerConnection, BrokerError

from .conftest import access
from .programs import Broker, Secrets, free_port
from .test_command import fleet

# paho leaves the socket of a handshake that failed to the garbage collection.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def no_socket_is_left():
    yield
    gc.collect()


def refusal_of(keys: Secrets, port: int) -> BrokerError:
    connection = Subscription(access(keys, port), "facet-ingest", 100)
    with pytest.raises(BrokerError) as caught:
        connection.open(lambda: False)
    connection.close()
    connection._client._reset_sockets()
    assert "\n" not in str(caught.value)
    return caught.value


def copy_of(keys: Secrets, folder: Path) -> Secrets:
    shutil.copytree(keys.folder, folder)
    copy = object.__new__(Secrets)
    copy.folder = folder
    return copy


def test_a_wrong_password_for_the_broker(keys, broker, tmp_path):
    copy = copy_of(keys, tmp_path / "copy")
    (copy.folder / "ingest.password").write_text("guess\n")
    error = refusal_of(copy, broker.port)
    assert "refuses: " in error.message and "--password-file" in error.hint


def test_another_authority(keys, broker, tmp_path):
    other = Secrets(tmp_path / "other")
    error = refusal_of(other, broker.port)
    assert "is not trusted: " in error.message and "--ca-file" in error.hint


@pytest.mark.parametrize(
    ("begin", "end", "message"),
    [
        ("20200101000000Z", "20210101000000Z", "certificate has expired"),
        ("20900101000000Z", "20910101000000Z", "certificate is not yet valid"),
    ],
)
def test_a_certificate_out_of_date(keys, tmp_path, begin, end, message):
    """To the ingest and to a camera."""
    copy = copy_of(keys, tmp_path / "copy")
    sign(copy.folder, tmp_path, begin, end)
    broker = Broker(tmp_path, copy)
    broker.start()
    try:
        camera = BrokerConnection(access(copy, broker.port), "shop-1", None, lambda: 0.0)
        with pytest.raises(BrokerError) as caught:
            camera.open(lambda: False)
        camera._client._reset_sockets()
        for error in (refusal_of(copy, broker.port), caught.value):
            assert f"is not trusted: {message}" in error.message
            assert error.hint == "a new certificate on the broker, or the clock of this computer"
    finally:
        broker.kill()


def sign(secrets: Path, folder: Path, begin: str, end: str) -> None:
    """Sign the broker's key for another time, by the fleet's authority."""
    folder.joinpath("index").touch()
    folder.joinpath("serial").write_text("01\n")
    config = folder / "ca.conf"
    config.write_text(
        f"[ca]\ndefault_ca=a\n[a]\ndatabase={folder}/index\nserial={folder}/serial\n"
        f"new_certs_dir={folder}\npolicy=p\ndefault_md=sha256\nx509_extensions=x\n"
        "[p]\ncommonName=supplied\n[x]\nsubjectAltName=IP:127.0.0.1\n"
    )
    key, request = secrets / "broker" / "broker.key", folder / "broker.csr"
    made = ["openssl", "req", "-new", "-key", key, "-subj", "/CN=127.0.0.1", "-out", request]
    subprocess.run(made, check=True, capture_output=True)
    signed = ["openssl", "ca", "-batch", "-config", config, "-in", request, "-notext"]
    signed += ["-cert", secrets / "ca.crt", "-keyfile", secrets / "ca.key"]
    signed += ["-startdate", begin, "-enddate", end, "-out", secrets / "broker" / "broker.crt"]
    subprocess.run(signed, check=True, capture_output=True)


def test_a_broker_that_is_not_there(keys):
    error = refusal_of(keys, free_port())
    assert "cannot reach the broker" in error.message and "--broker" in error.hint


def test_a_wrong_password_for_the_database(database):
    """The server of the tests asks for none, but for this role it does."""
    database.ask("CREATE ROLE stranger LOGIN PASSWORD 'secret'")
    rules = Path(database.ask("SHOW hba_file")[0][0])
    before = rules.read_text()
    rules.write_text("host all stranger 127.0.0.1/32 scram-sha-256\n" + before)
    try:
        database.ask("SELECT pg_reload_conf()")
        dsn = re.sub("user=facet", "user=stranger password=guess", database.dsn)
        for words in (["versions"], ["setup"], ["dead-letters", "list"]):
            done = fleet(*words, "--database", dsn)
            assert done.returncode == 1, done.stderr
            assert "password authentication failed" in done.stderr
            assert done.stderr.count("\n") == 1 and "guess" not in done.stderr
    finally:
        rules.write_text(before)
        database.ask("SELECT pg_reload_conf()")
        database.ask("DROP ROLE stranger")
