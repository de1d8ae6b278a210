"""paho's client of one connection to the broker, set up the same for cameras and the ingest.

Raises UsageError when it is imported without paho-mqtt 2.
"""

import ssl

from ..errors import UsageError
from ..resources import install_hint
from .access import Access

try:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
except ImportError as error:
    raise UsageError("[mqtt] needs paho-mqtt 2", install_hint("mqtt")) from error

CONNECT_S = 4.0  # limit of a TCP connection, and of a TLS handshake
NOT_YET_VALID, EXPIRED = 9, 10  # OpenSSL's numbers


def client_for(access: Access, client_id: str, manual_ack: bool = False) -> Client:
    """Return a client of MQTT 5 that is not connected, and does not connect again by itself.

    manual_ack: Client.ack tells the broker that a message need not be sent again.
    """
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        protocol=MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
        manual_ack=manual_ack,
    )
    client.connect_timeout = CONNECT_S
    if access.user:
        client.username_pw_set(access.user, access.password or None)
    if access.tls:
        client.tls_set_context(access.tls)
    return client


def trust_hint(error: ssl.SSLCertVerificationError, otherwise: str) -> str:
    """Return what mends a certificate that is not trusted; otherwise: unless it is about time."""
    if error.verify_code in (NOT_YET_VALID, EXPIRED):
        return "a new certificate on the broker, or the clock of this computer"
    return otherwise
