"""What rules do when somebody smiles."""

import hashlib
import hmac
import json

from tests.device.mqtt.broker import wait_until
from tests.integrations.stage import CAMERA, SIGNING, Stage
from tests.integrations.step import step

PART = "Rules"
LATE_S = 120.0


@step(PART, "webhook", "a POST with the event as JSON, signed by HMAC-SHA256")
def webhook(stage: Stage) -> str:
    stage.running()
    wait_until(lambda: stage.receiver.got, "a POST", LATE_S)
    for _, headers, body in list(stage.receiver.got):
        expected = "sha256=" + hmac.new(SIGNING, body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(expected, headers["X-Facet-Signature"]), headers
    event = json.loads(body)
    assert event["rule"] == "hook" and event["values"]["Smiling"] > 0.6, event
    count = len(stage.receiver.got)
    return f"{count} POSTs, each signed; Smiling {event['values']['Smiling']:.2f}"


@step(PART, "command", "the program runs, with the event on stdin")
def command(stage: Stage) -> str:
    stage.running()
    wait_until(stage.commanded.exists, "the program's file", LATE_S)
    wait_until(lambda: stage.commanded.read_text().endswith("\n"), "a line", LATE_S)
    events = [json.loads(line) for line in stage.commanded.read_text().splitlines()]
    assert all(event["rule"] == "program" for event in events), events
    return f"{len(events)} runs"


@step(PART, "gpio", "GPIO17 of gpiozero's mock pins goes on, and off again")
def gpio(stage: Stage) -> str:
    stage.running()

    def changes() -> list[str]:
        return stage.pins.read_text().splitlines() if stage.pins.exists() else []

    wait_until(lambda: len(changes()) >= 2, "on and off", LATE_S)
    found = changes()
    assert set(found[::2]) == {"GPIO17 1"} and set(found[1::2]) == {"GPIO17 0"}, found
    return f"{len(found[1::2])} times on and off"


@step(PART, "mqtt", f"the event as JSON on facet/{CAMERA}/rules/smile")
def mqtt(stage: Stage) -> str:
    stage.running()
    topic = f"facet/{CAMERA}/rules/smile"
    stage.listener  # noqa: B018  # not run without the broker
    assert not stage.refused_rule, f"Facet did not start with this rule: {stage.refused_rule}"
    wait_until(lambda: stage.listener.of(topic), "a message", LATE_S)
    events = stage.listener.json(topic)
    assert all(event["rule"] == "smile" for event in events), events
    return f"{len(events)} messages"
