"""How to reach the broker: address, user, password and certificates, out of their files."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from ..errors import SourceError, UsageError, os_reason
from ..files import open_regular
from ..settings import MqttSettings

MAX_PASSWORD = 65_535  # bytes, MQTT's own limit


@dataclass(frozen=True)
class Access:
    """How to reach the broker, with what the settings' files held."""

    host: str
    port: int
    user: str
    password: str
    tls: ssl.SSLContext | None

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


def access_of(settings: MqttSettings) -> Access:
    """Return how to reach the broker; UsageError or SourceError for files that cannot be used."""
    port = settings.port or (8883 if settings.tls else 1883)
    password = _read_password(settings.password_file) if settings.password_file else ""
    context = _tls(settings.ca_file) if settings.tls else None
    return Access(settings.host, port, settings.user, password, context)


def _read_password(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return file.read(MAX_PASSWORD).decode("utf-8-sig").rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise SourceError(
            f"cannot read the password file {path}: {os_reason(error)}",
            "password_file in [mqtt] with a file that this user may read",
        ) from None


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        if ca_file:
            open_regular(ca_file).close()  # OpenSSL would wait for a pipe
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:  # an ssl.SSLError is an OSError
        reason = "it has no certificate" if isinstance(error, ssl.SSLError) else os_reason(error)
        raise UsageError(
            f"cannot read the certificates {ca_file}: {reason}",
            "ca_file in [mqtt] with a PEM file of the broker's authority",
        ) from None
