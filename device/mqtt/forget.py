"""Remove a camera from Home Assistant: empty messages in place of those that the broker keeps."""

import time

from ..settings import MqttSettings
from .access import access_of
from .connection import BrokerConnection, BrokerError
from .messages import Message
from .topics import Topics

LIMIT_S = 10.0  # for the broker's acknowledgements


def forget(settings: MqttSettings, topics: Topics) -> None:
    """Delete what the broker keeps of a camera; raises BrokerError if it does not agree."""
    broker = BrokerConnection(
        access_of(settings), f"{topics.client_id}-forget", None, time.monotonic
    )
    broker.open(lambda: False)
    try:
        numbers = {
            broker.publish(Message(topic, b"", qos=1, retain=True)) for topic in topics.retained
        }
        end_s = time.monotonic() + LIMIT_S
        while not numbers <= broker.acknowledged:
            if time.monotonic() > end_s:
                raise BrokerError("the broker acknowledges nothing", "the log of the broker")
            broker.loop(0.1)
            broker.check_refused(numbers)
    finally:
        broker.close()
