"""What a client of the broker sees."""

import itertools
import json
import time

import jsonschema

from tests.device.mqtt.broker import Listener, wait_until
from tests.integrations.stage import ATTRIBUTES, CAMERA, SECRET, USER, Stage
from tests.integrations.step import step
from tests.machines.debian import ROOT

PART = "MQTT"
CONFIG = f"homeassistant/device/facet_{CAMERA}/config"
STATUS, STATE, VISIT = (f"facet/{CAMERA}/{name}" for name in ("status", "state", "visit"))
LATE_S = 120.0  # a busy computer needs longer than the film


def kept(stage: Stage) -> dict[str, bytes]:
    """Return what the broker keeps, as a client that has just come sees it."""
    login = USER, SECRET
    topics = f"facet/{CAMERA}/#", CONFIG
    with Listener(stage.local_port, *topics, name="newcomer", login=login) as newcomer:
        time.sleep(2.0)
        found = {topic: payload for topic, payload, retained in newcomer.messages if retained}
        newcomer.client.disconnect()
    return found


@step(PART, "discovery", "kept by the broker, as its schema says")
def discovery(stage: Stage) -> str:
    stage.running()
    wait_until(lambda: stage.listener.of(CONFIG), "the discovery", LATE_S)
    message = kept(stage)[CONFIG]
    content = json.loads(message)
    jsonschema.validate(content, json.loads((ROOT / "docs/schemas/discovery.json").read_text()))
    return f"{len(content['components'])} components, {len(message)} bytes"


@step(PART, "status", "online after the first frame, kept by the broker")
def status(stage: Stage) -> str:
    stage.running()
    wait_until(lambda: stage.listener.last(STATUS) == b"online", "online", LATE_S)
    assert kept(stage)[STATUS] == b"online"
    before = [m.decode() for m in stage.listener.of(STATUS)]
    return f"the client that was there first saw: {', '.join(before)}"


@step(PART, "state", "changes as people come and go, at most once a second, as its schema says")
def state(stage: Stage) -> str:
    stage.running()
    schema = json.loads((ROOT / "docs/schemas/state.json").read_text())
    first, begun_s = len(stage.listener.of(STATE)), time.monotonic()

    def counts() -> set[int]:
        return {message["people"] for message in stage.listener.json(STATE)[first:]}

    wait_until(lambda: len(counts()) >= 3, "0, 1 and 2 people in view", LATE_S)
    seconds = time.monotonic() - begun_s
    messages = stage.listener.json(STATE)[first:]
    for message in messages:
        jsonschema.validate(message, schema)
        assert set(message["attributes"]) == set(ATTRIBUTES), message
    assert len(messages) <= seconds + 2, f"{len(messages)} messages in {seconds:.0f} s"
    same = sum(a == b for a, b in itertools.pairwise(messages))
    assert not same, f"{same} messages say what the one before them said"
    people = ", ".join(map(str, sorted(counts())))
    return f"{len(messages)} messages in {seconds:.0f} s; people in view: {people}"


def sent(stage: Stage) -> list[str]:
    return [message["id"] for message in stage.listener.json(VISIT)]


@step(PART, "visits", "each visit of the file is one message, with the same id")
def visits(stage: Stage) -> str:
    facet = stage.running()
    wait_until(lambda: len(facet.visit_ids(CAMERA)) >= 5, "5 visits in the file", LATE_S)
    wait_until(
        lambda: set(sent(stage)) >= set(facet.visit_ids(CAMERA)), "each visit as a message", 30
    )
    ids = sent(stage)
    assert len(ids) == len(set(ids)), "some came twice"
    assert set(ids) <= set(facet.visit_ids(CAMERA)), "one is not in the file"
    schema = json.loads((ROOT / "docs/schemas/visit.json").read_text())
    for message in stage.listener.json(VISIT):
        jsonschema.validate(message, schema)
    return f"{len(ids)} visits in the file, {len(ids)} messages, none twice"


@step(PART, "the broker is killed (-9) and starts again", "no visit is lost; the camera goes on")
def broker_killed(stage: Stage) -> str:
    facet, broker = stage.running(), stage.broker
    before, connections = len(facet.visit_ids(CAMERA)), stage.listener.connections
    frames = stage.frames()
    broker.kill()
    wait_until(
        lambda: len(facet.visit_ids(CAMERA)) >= before + 4, "4 visits without a broker", LATE_S
    )
    waited = len(facet.visit_ids(CAMERA)) - before
    assert stage.frames() > frames, "the camera stood still"
    broker.start()
    wait_until(lambda: stage.listener.connections > connections, "the listener", 60)

    def missing() -> set[str]:
        return set(facet.visit_ids(CAMERA)) - set(sent(stage))

    # A visit may end at any moment: its message is on its way then.
    wait_until(lambda: not missing(), "each visit as a message", LATE_S)
    wait_until(lambda: stage.listener.last(STATUS) == b"online", "online again", 60)
    twice = len(sent(stage)) - len(set(sent(stage)))
    total = len(facet.visit_ids(CAMERA))
    return f"{waited} visits waited; {total} in the file, 0 missing, {twice} came twice"


@step(PART, "Facet is killed (-9)", "the broker says offline by itself (last will)")
def facet_killed(stage: Stage) -> str:
    facet = stage.running()
    assert stage.listener.last(STATUS) == b"online"
    begun_s = time.monotonic()
    facet.kill()
    wait_until(lambda: stage.listener.last(STATUS) == b"offline", "offline", 60)
    took_s = time.monotonic() - begun_s
    assert kept(stage)[STATUS] == b"offline"
    return f"offline after {took_s:.1f} s, kept by the broker"


@step(PART, "visits after the restart", "those from before the kill and after it, none missing")
def visits_after(stage: Stage) -> str:
    facet = stage.running()
    before = len(facet.visit_ids(CAMERA))
    stage.listener  # noqa: B018  # not run without the broker
    wait_until(lambda: len(facet.visit_ids(CAMERA)) > before, "one more visit", 2 * LATE_S)
    wait_until(lambda: set(sent(stage)) >= set(facet.visit_ids(CAMERA)), "each visit", LATE_S)
    twice = len(sent(stage)) - len(set(sent(stage)))
    return f"{len(facet.visit_ids(CAMERA))} in the file, 0 missing, {twice} came twice"
