"""The doctor's check of the broker: reachable, speaks MQTT 5, accepts user and password."""

import time

from ..doctor.check_result import CheckResult, ok, warning
from ..settings import MqttSettings
from .access import access_of
from .connection import BrokerConnection, BrokerError
from .topics import topics_of


def broker(settings: MqttSettings) -> CheckResult:
    """Connect once and leave; nothing is sent, and a camera that is connected stays so.

    A broker that is away is a warning, for a run goes on without it. Raises UsageError or
    SourceError for what ends a run: a package or file that is missing.
    """
    access = access_of(settings)
    connection = BrokerConnection(
        access, f"{topics_of(settings).client_id}-doctor", None, time.monotonic
    )
    try:
        connection.open(lambda: False)
    except BrokerError as error:
        return warning(error.message, error.hint)
    finally:
        connection.close()
    who = f"the user {settings.user}" if settings.user else "no user"
    return ok(f"{access.place} speaks MQTT 5 and accepts {who}{', encrypted' * settings.tls}")
