"""Users, passwords and certificates, of a real broker."""

import os
import subprocess

import pytest

from device.errors import FacetError, SourceError, UsageError
from device.mqtt.access import access_of
from device.mqtt.connection import BrokerConnection, BrokerError
from device.mqtt.messages import Message
from device.mqtt.session import Clocks
from device.mqtt.start import check_mqtt
from device.settings import MqttSettings, OutputsSettings, PeopleSettings, Settings
from tests.device.mqtt.broker import Mosquitto, need, wait_until
from tests.device.mqtt.camera import CARD, QUICK, Camera

NOW = QUICK.now_s


def connect(**settings) -> None:
    """Connect once with these settings of [mqtt]."""
    access = access_of(MqttSettings(host=settings.pop("host", "127.0.0.1"), **settings))
    connection = BrokerConnection(access, "facet-test", None, NOW)
    try:
        connection.open(lambda: False)
    finally:
        connection.close()


@pytest.fixture
def secret(tmp_path):
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    return file


@pytest.fixture
def guarded(tmp_path, secret):
    """A broker with one user, who may not send visits."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    passwords, rules = folder / "passwords", folder / "rules"
    command = [need("mosquitto_passwd"), "-b", "-c", str(passwords), "facet", "correct horse"]
    subprocess.run(command, check=True, capture_output=True)
    allowed = "facet/cam/run", "facet/cam/status", "facet/cam/state", "facet/cam/diagnostics"
    topics = [*allowed, "homeassistant/#"]
    rules.write_text("\n".join(["user facet", *(f"topic {topic}" for topic in topics)]) + "\n")
    options = f"password_file {passwords}", f"acl_file {rules}"
    broker = Mosquitto(folder, *options, anonymous=False)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """ca.pem, and server.pem with server.key for localhost, made by openssl."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words: str) -> None:
        subprocess.run([need("openssl"), *words], cwd=folder, check=True, capture_output=True)

    curve = "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"
    for name in ("ca", "other"):
        subject = f"/CN=Facet test {name}"
        openssl("req", "-x509", *curve, "-keyout", f"{name}.key", "-out", f"{name}.pem",
                "-days", "2", "-subj", subject)  # fmt: skip
    openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", "server.pem", "-days", "2", "-extfile", "names")  # fmt: skip
    return folder


@pytest.fixture
def encrypted(tmp_path, certificates):
    folder = tmp_path / "encrypted"
    folder.mkdir()
    files = {"cafile": "ca.pem", "certfile": "server.pem", "keyfile": "server.key"}
    broker = Mosquitto(folder, *(f"{key} {certificates / name}" for key, name in files.items()))
    broker.start()
    yield broker
    broker.kill()


def test_user_and_password_of_a_file(guarded, secret):
    connect(port=guarded.port, user="facet", password_file=secret)


@pytest.mark.parametrize("user, password", [("", ""), ("facet", "wrong"), ("eve", "correct horse")])
def test_a_wrong_user_or_password_is_refused(guarded, secret, user, password):
    secret.write_text(password)
    with pytest.raises(BrokerError, match=r"refuses: Not authorized.*user and password_file"):
        connect(port=guarded.port, user=user, password_file=secret if user else None)


def test_visits_that_the_broker_does_not_allow_stay_in_their_file(
    guarded, secret, tmp_path, capsys
):
    options = {"user": "facet", "password_file": secret}
    with Camera(tmp_path, guarded.port, **options) as camera:
        camera.visit(2)
        err = ""

        def refused() -> bool:
            nonlocal err
            err += capsys.readouterr().err
            # Mosquitto 2.0 closes the connection at once, and the reason may not arrive.
            reason = "the broker refuses facet/cam/visit: Not authorized"
            return reason in err or err.count("lost the broker") > 2

        wait_until(refused, "a line")
    assert '"acknowledged": {}' in (tmp_path / "visits.csv.mqtt").read_text()


def test_a_password_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(SourceError, match=r"cannot read the password file .*none"):
        connect(port=1, user="facet", password_file=tmp_path / "none")
    with pytest.raises(SourceError, match="it is a folder"):
        connect(port=1, user="facet", password_file=tmp_path)


def test_a_pipe_as_authority_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="it is a pipe, device or socket, not a file"):
        connect(port=1, tls=True, ca_file=tmp_path / "pipe")


def test_tls_with_the_authority_of_a_file(encrypted, certificates):
    connect(host="localhost", port=encrypted.port, tls=True, ca_file=certificates / "ca.pem")


# paho leaves the socket of a handshake that failed to the garbage collection.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "host, ca", [("localhost", "other"), ("127.0.0.1", "ca"), ("localhost", "")]
)
def test_a_certificate_of_another_authority_or_name_is_not_trusted(
    encrypted, certificates, host, ca
):
    file = certificates / f"{ca}.pem" if ca else None
    with pytest.raises(BrokerError, match=r"is not trusted: .*ca_file in"):
        connect(host=host, port=encrypted.port, tls=True, ca_file=file)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_with_a_broker_that_has_none(broker, encrypted):
    with pytest.raises(BrokerError, match="port and tls in"):
        connect(port=broker.port, tls=True)
    with pytest.raises(BrokerError, match=r"port and tls in|lost the broker"):
        connect(port=encrypted.port)


@pytest.mark.parametrize("content", ["", "rubbish", None])
def test_a_file_without_certificates_is_an_error(tmp_path, content):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match="cannot read the certificates"):
        connect(port=1, tls=True, ca_file=file)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a..b", "x" * 300, "ä" * 80, "a\0b"])
def test_a_host_that_does_not_exist_cannot_be_reached(host):
    with pytest.raises(BrokerError, match="cannot reach the broker"):
        connect(host=host, port=1)


def test_a_password_that_goes_unencrypted_is_said(tmp_path, secret, capsys, monkeypatch):
    monkeypatch.setattr("device.mqtt.start.LOCAL", ())
    with Camera(tmp_path, 1, clocks=Clocks(backoff_s=(9,)), user="facet", password_file=secret):
        pass
    err = capsys.readouterr().err
    assert "the password goes to 127.0.0.1 unencrypted. Try: tls in [mqtt]" in err
    assert "correct horse" not in err


def test_unusable_settings_are_named_before_a_camera_is_waited_for(tmp_path):
    no_file = {"host": "localhost", "visits": False}
    for mqtt, error in (
        (MqttSettings(**no_file, attributes=["Smilin"]), "unknown 'Smilin'"),
        (MqttSettings(**no_file, user="ada", password_file=tmp_path / "none"), "cannot read"),
        (MqttSettings(**no_file, tls=True, ca_file=tmp_path / "none"), "cannot read"),
    ):
        with pytest.raises(FacetError, match=error):
            check_mqtt(Settings(mqtt=mqtt), CARD, CARD.names, None)


def test_what_other_settings_do_not_allow_is_refused(tmp_path):
    mqtt = MqttSettings(host="localhost")
    with pytest.raises(UsageError, match=r"in a file that is not named.*--events visits.csv"):
        check_mqtt(Settings(mqtt=mqtt), CARD, CARD.names, None)
    for other in ("-", "/dev/null"):
        file = type(tmp_path)(other)
        settings = Settings(mqtt=mqtt, outputs=OutputsSettings(events=file))
        with pytest.raises(UsageError, match="is none"):
            check_mqtt(settings, CARD, CARD.names, file)
    check_mqtt(Settings(mqtt=MqttSettings(host="localhost", visits=False)), CARD, CARD.names, None)
    named = MqttSettings(host="localhost", visits=False, people=True)
    with pytest.raises(UsageError, match=r"people without recognition. Try: --people"):
        check_mqtt(Settings(mqtt=named), CARD, CARD.names, None)
    check_mqtt(Settings(mqtt=named, people=PeopleSettings(enabled=True)), CARD, CARD.names, None)


@pytest.mark.parametrize(
    "name, message", [("Smilin", "unknown 'Smilin'. Try: Smiling"), ("Bald", None)]
)
def test_an_attribute_that_is_not_shown_is_refused(tmp_path, name, message):
    camera = Camera(tmp_path, 1, attributes=(name,))
    if message is None:
        with camera:
            return
    with pytest.raises(UsageError, match=message), camera:
        pass


def test_a_folder_that_takes_no_files_is_an_error(tmp_path):
    (tmp_path / "visits.csv.mqtt").mkdir()
    with Camera(tmp_path, 1) as camera:  # a damaged store is no reason not to run
        camera.see()


def test_only_messages_that_wait_for_it_are_noted_as_acknowledged(broker):
    access = access_of(MqttSettings(host="127.0.0.1", port=broker.port))
    connection = BrokerConnection(access, "facet-test", None, NOW)
    connection.open(lambda: False)
    for _ in range(50):
        connection.publish(Message("facet/test/state", b"{}"))
    number = connection.publish(Message("facet/test/visit", b"{}", qos=1))
    while number not in connection.acknowledged:
        connection.loop(0.1)
    assert connection.acknowledged == {number}
    connection.close()
