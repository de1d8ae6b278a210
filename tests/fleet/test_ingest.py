"""From a real broker into a real database, with the configuration of docs/fleet."""

import contextlib
import shutil
import socket
import ssl
import subprocess

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from device.fleet.ingest import IngestOptions

from .conftest import Publisher, ingesting
from .programs import IngestProcess, wait_until
from .visits import counts, visit


def stored(database) -> int:
    return database.ask("SELECT count(*) FROM visits")[0][0]


def test_messages_of_all_kinds_become_rows(keys, broker, database, publisher):
    with ingesting(keys, broker.port, database.dsn):
        publisher.send("facet/shop-1/status", b"online", 0, retain=True)
        run = b'{"number":1,"token":"x","version":"0.1.0","model":"0123456789ab"}'
        publisher.send("facet/shop-1/run", run, 0, retain=True)
        publisher.send("facet/shop-1/counts", counts())
        publisher.send("facet/shop-1/visit", b"rubbish")
        for number in range(20):
            payload = visit(number)
            for _ in range(2):  # as after a fault
                publisher.send("facet/shop-1/visit", payload)
        wait_until(lambda: stored(database) == 20, "20 rows")
    assert database.ask("SELECT camera, online, version FROM cameras") == [
        ("shop-1", True, "0.1.0")
    ]
    assert database.ask("SELECT count(*) FROM counts") == [(1,)]
    assert database.ask("SELECT topic FROM dead_letters") == [("facet/shop-1/visit",)]


def test_what_comes_while_the_ingest_is_away_waits_at_the_broker(keys, broker, database, publisher):
    with ingesting(keys, broker.port, database.dsn):
        pass
    for number in range(100):
        publisher.send("facet/shop-1/visit", visit(number))
    assert stored(database) == 0
    with ingesting(keys, broker.port, database.dsn, IngestOptions(batch=7, wait_s=0.05)):
        wait_until(lambda: stored(database) == 100, "100 rows")


def test_a_message_is_acknowledged_only_when_it_is_stored(
    keys, broker, database, publisher, caplog
):
    with ingesting(keys, broker.port, database.dsn):
        database.kill()
        for number in range(50):
            publisher.send("facet/shop-1/visit", visit(number))
        wait_until(lambda: "the broker keeps the messages" in caplog.text, "a line of the log")
    # That ingest is gone, and has stored nothing. The next one gets all of it.
    database.start()
    assert stored(database) == 0
    with ingesting(keys, broker.port, database.dsn):
        wait_until(lambda: stored(database) == 50, "50 rows")


@pytest.mark.slow
def test_it_goes_on_after_broker_and_database_were_killed(keys, broker, database):
    with ingesting(keys, broker.port, database.dsn) as ingest:
        for number, victim in enumerate((database, broker, database)):
            victim.kill()
            victim.start()
            wait_until(lambda: ingest.connected, "the ingest is connected")
            publisher = Publisher(keys, broker.port)
            publisher.send("facet/shop-1/visit", visit(number))
            publisher.close()
            wait_until(lambda n=number: stored(database) == n + 1, "another row")


def test_a_killed_ingest_loses_and_doubles_nothing(keys, broker, database, publisher, tmp_path):
    ingest = IngestProcess(tmp_path, keys, broker.port, database.dsn, "--batch", "5")
    ingest.start()
    for number in range(300):
        publisher.send("facet/shop-1/visit", visit(number))
        if number in (100, 200):
            ingest.kill()
            ingest.start()
    wait_until(lambda: stored(database) == 300, "300 rows")
    assert database.ask("SELECT sum(visits) FROM hours") == [(300,)]
    assert ingest.stop() == 0  # SIGTERM
    assert "connected to the broker" in ingest.log.read_text()
    assert "Traceback" not in ingest.log.read_text()


@pytest.mark.slow
def test_a_camera_that_floods_stops_no_other(keys, broker, database, publisher):
    other = Publisher(keys, broker.port, "shop-2")
    with ingesting(keys, broker.port, database.dsn):
        for number in range(3000):
            publisher.send("facet/shop-1/visit", b"{%d" % number, 0)
        other.send("facet/shop-2/visit", visit(1))
        wait_until(lambda: stored(database) == 1, "the other one's row")
        letters = "SELECT count(*) FROM dead_letters"
        wait_until(lambda: database.ask(letters)[0][0] >= 1000, "dead letters")
    other.close()
    assert database.ask(letters) == [(1000,)]


def test_a_camera_writes_its_own_topics_only(keys, broker, database, publisher):
    """Mosquitto ends the connection of who publishes what it may not, or drops the message."""
    with ingesting(keys, broker.port, database.dsn):
        for camera in ("shop-2", "ingest"):
            thief = Publisher(keys, broker.port)
            with contextlib.suppress(RuntimeError):
                thief.send(f"facet/{camera}/visit", visit(1))
            thief.close()
        publisher.send("facet/shop-1/visit", visit(3))
        wait_until(lambda: stored(database) == 1, "its own row")
    assert database.ask("SELECT id FROM visits") == [("0000000000000003",)]


def test_a_camera_reads_no_other(keys, broker, publisher):
    heard = []
    publisher._client.on_message = lambda client, _, message: heard.append(message.topic)
    publisher._client.subscribe([("facet/#", 1), ("$SYS/#", 0)])
    other = Publisher(keys, broker.port, "shop-2")
    other.send("facet/shop-2/visit", visit(1))
    publisher.send("facet/shop-1/visit", visit(2))
    wait_until(lambda: heard, "its own message")
    other.close()
    assert set(heard) == {"facet/shop-1/visit"}


@pytest.mark.parametrize("user", ["", "shop-1", "unknown"])
def test_nobody_connects_without_his_password(keys, broker, user):
    codes = []
    client = Client(CallbackAPIVersion.VERSION2, "", protocol=MQTTProtocolVersion.MQTTv5)
    client.tls_set(str(keys.folder / "ca.crt"))
    if user:
        client.username_pw_set(user, "guess")
    client.on_connect = lambda client, _, flags, code, properties: codes.append(code)
    client.connect("127.0.0.1", broker.port, 30)
    wait_until(lambda: client.loop(0.1) or codes, "an answer")
    client.disconnect()
    client._reset_sockets()
    assert codes[0].is_failure


def test_no_one_is_heard_without_tls(broker):
    with socket.create_connection(("127.0.0.1", broker.port), 5) as plain:
        plain.sendall(b"\x10\x0c\x00\x04MQTT\x05\x02\x00\x1e\x00\x00\x00")
        plain.settimeout(10)
        with contextlib.suppress(ConnectionResetError):
            assert not plain.recv(4).startswith(b"\x20")  # no CONNACK


def test_a_removed_camera_is_refused_after_the_broker_read_its_users(keys, broker):
    import signal

    keys.add_camera("stolen")
    assert broker._process
    broker._process.send_signal(signal.SIGHUP)

    def connects() -> bool:
        codes = []
        client = Client(CallbackAPIVersion.VERSION2, "", protocol=MQTTProtocolVersion.MQTTv5)
        client.tls_set(str(keys.folder / "ca.crt"))
        client.username_pw_set("stolen", password)
        client.on_connect = lambda client, _, flags, code, properties: codes.append(code)
        client.connect("127.0.0.1", broker.port, 30)
        wait_until(lambda: client.loop(0.1) or codes, "an answer")
        client.disconnect()
        client._reset_sockets()
        return not codes[0].is_failure

    password = keys.password("stolen").read_text().strip()
    wait_until(connects, "the new camera connects")
    keys._run("remove", "stolen")
    broker._process.send_signal(signal.SIGHUP)
    wait_until(lambda: not connects(), "it is refused")


def test_the_printed_settings_are_those_of_the_camera(keys):
    import tomllib

    printed = keys.add_camera("shop-3")
    lines = [line for line in printed.splitlines() if "=" in line or line.startswith("[")]
    content = tomllib.loads("\n".join(line for line in lines if not line.startswith("#")))
    assert content["privacy"] == "counts"
    assert content["mqtt"]["id"] == content["mqtt"]["user"] == "shop-3"
    assert content["mqtt"]["host"] == "127.0.0.1" and content["mqtt"]["resend_s"] == 120
    assert keys.password("shop-3").read_text().strip() in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "unknown command"),
        (["camera"], "needs one name"),
        (["camera", "a/b"], "is no id"),
        (["camera", "ingest"], "is the user of the ingest"),
        (["remove", "nobody"], "no user nobody"),
        (["init", "127.0.0.1"], "has an authority already"),
        (["renew", "a b"], "is no name or address"),
    ],
)
def test_wrong_words_for_the_keys_are_one_line(keys, words, message):
    from .programs import FILES

    environment = {"SECRETS": str(keys.folder), "PATH": "/usr/bin:/bin"}
    command = [FILES / "keys.sh", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1


def test_the_certificate_is_of_the_authority_and_is_renewed(keys, tmp_path):
    copy = tmp_path / "secrets"
    shutil.copytree(keys.folder, copy)
    from .programs import FILES

    environment = {"SECRETS": str(copy), "PATH": "/usr/bin:/bin"}
    subprocess.run([FILES / "keys.sh", "renew", "broker.example.org"], env=environment, check=True)
    certificate = copy / "broker" / "broker.crt"
    assert certificate.read_bytes() != (keys.folder / "broker" / "broker.crt").read_bytes()
    verify = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver"]
    host = ["-verify_hostname", "broker.example.org"]
    done = subprocess.run(
        [*verify, *host, "-CAfile", copy / "ca.crt", certificate], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    ssl.create_default_context(cafile=copy / "ca.crt")
    assert not [path for path in copy.rglob("*") if path.stat().st_mode & 0o077]
