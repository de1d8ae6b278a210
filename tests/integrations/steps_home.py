"""What Home Assistant makes of it."""

import json
import time

import cv2
import numpy as np

from tests.device.mqtt.broker import wait_until
from tests.integrations.film import ROUND_S
from tests.integrations.stage import CAMERA, PASSWORD, Stage
from tests.integrations.step import step
from tests.integrations.steps_mqtt import CONFIG, STATE

PART = "Home Assistant"
BIRTH = "homeassistant/status"
COUNT_S = 60.0
GONE = ("unavailable", None)
PEOPLE, VISITS = f"facet_{CAMERA}_people_in_view", f"facet_{CAMERA}_visits_today"


def entities(stage: Stage) -> list[str]:
    """Return the ids of the entities that the discovery asks for."""
    config = json.loads(stage.listener.last(CONFIG))
    return sorted(part["default_entity_id"] for part in config["components"].values())


def values(stage: Stage) -> dict[str, str | None]:
    """Return what Home Assistant knows of them; None: there is no such entity."""
    states = stage.home.states()
    return {name: states.get(name, {}).get("state") for name in entities(stage)}


def known(stage: Stage) -> bool:
    """Whether all entities have a value or wait for their first event."""
    return not any(value in GONE for value in values(stage).values())


@step(PART, "discovery", "finds the device with all its entities by itself")
def found(stage: Stage) -> str:
    stage.running()
    stage.home.wait(lambda: stage.listener.last(CONFIG) and known(stage), "all entities")
    names = entities(stage)
    return f"{len(names)} entities: " + ", ".join(name.partition("facet_")[2] for name in names)


def agree(stage: Stage) -> dict | None:
    """Return the broker's state if Home Assistant says the same; None if not, or meanwhile."""
    said = stage.listener.json(STATE)[-1]
    theirs = {name.partition(f"facet_{CAMERA}_")[2]: v for name, v in values(stage).items()}
    expected = {
        "people_in_view": str(said["people"]),
        "occupancy": "on" if said["occupied"] else "off",
        "visits_today": str(said["visits_today"]),
        **{name.lower(): "on" if on else "off" for name, on in said["attributes"].items()},
    }
    same = all(theirs.get(name) == value for name, value in expected.items())
    return said if same and stage.listener.json(STATE)[-1] == said else None


@step(PART, "values", "equal to the broker's, with nobody in view and with somebody")
def equal(stage: Stage) -> str:
    stage.running()
    seen: dict[bool, dict] = {}

    def both() -> bool:
        if said := agree(stage):
            seen[said["occupied"]] = said
        return len(seen) == 2

    stage.home.wait(both, "values as the broker's")
    return "; ".join(f"{said['people']} people, {said['attributes']}" for said in seen.values())


@step(PART, "mood of the last visit", "an event with the id of a visit in the file")
def event(stage: Stage) -> str:
    facet = stage.running()
    last = f"event.facet_{CAMERA}_mood_of_the_last_visit"

    def attributes() -> dict:
        return stage.home.states()[last]["attributes"]

    stage.home.wait(lambda: attributes().get("event_type"), "an event")
    wait_until(lambda: attributes()["id"] in facet.visit_ids(CAMERA), "a visit of the file", 60)
    return f"{attributes()['event_type']}, {attributes()['dwell_s']} s"


@step(PART, "database", f"in {COUNT_S:.0f} s at most 60 rows of an entity, of frame rate at most 7")
def rows(stage: Stage) -> str:
    stage.running()
    home, begun_s = stage.home, time.time()
    time.sleep(COUNT_S)
    time.sleep(6.0)  # the recorder commits every 5 s
    counts = home.rows(f"facet_{CAMERA}", begun_s)
    assert counts, "no rows"
    busiest, most = max(counts.items(), key=lambda one: one[1])
    slow = sum(count for name, count in counts.items() if name.endswith("frame_rate"))
    assert most <= 66 and slow <= 7, counts
    total = f"{sum(counts.values())} rows of {len(counts)} entities"
    film = f"in a film whose people change {4 * COUNT_S / ROUND_S:.0f} times a minute"
    return f"{total}, most of {busiest.partition('facet_')[2]} ({most}), {film}"


@step(PART, "Generic Camera", "shows the page's picture, 640x480, by https with the password")
def camera(stage: Stage) -> str:
    stage.running()
    address = stage.secure
    before = {name for name in stage.home.states() if name.startswith("camera.")}
    stage.home.add_camera(f"{address}/snapshot.jpg", f"{address}/stream.mjpg", "facet", PASSWORD)
    new: set[str] = set()

    def appeared() -> bool:
        new.update(n for n in stage.home.states() if n.startswith("camera.") and n not in before)
        return bool(new)

    stage.home.wait(appeared, "a camera")
    (name,) = new
    pictures = []
    for _ in range(2):
        pictures.append(stage.home.picture(name))
        time.sleep(2.0)
    shapes = [
        cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR).shape for one in pictures
    ]
    assert set(shapes) == {(480, 640, 3)}, shapes
    assert pictures[0] != pictures[1], "the picture stands still"
    (stage.evidence / "home-assistant-camera.jpg").write_bytes(pictures[1])
    return f"JPEG pictures of {shapes[0][1]}x{shapes[0][0]} through its camera proxy"


@step(PART, "restart", "says so (birth), gets the discovery anew, shows all values")
def restart(stage: Stage) -> str:
    stage.running()
    home, listener = stage.home, stage.listener
    births, configs = len(listener.of(BIRTH)), len(listener.of(CONFIG))
    begun_s = time.monotonic()
    home.stop()
    stopped_s = time.monotonic() - begun_s
    home.start()
    home.wait(lambda: known(stage) and agree(stage), "all values")
    took_s = time.monotonic() - begun_s
    wait_until(lambda: b"online" in listener.of(BIRTH)[births:], "its birth message", 60)
    wait_until(lambda: len(listener.of(CONFIG)) > configs, "the discovery anew", 60)
    return f"stopped in {stopped_s:.0f} s, all entities with values {took_s:.0f} s after the stop"


@step(PART, "the broker is back", "each entity has its value again")
def broker_back(stage: Stage) -> str:
    stage.running()
    stage.home.wait(lambda: known(stage) and agree(stage), "all values")
    return f"{len(entities(stage))} entities available, values as the broker's"


@step(PART, "Facet is killed", "each entity is unavailable")
def unavailable(stage: Stage) -> str:
    stage.home.wait(
        lambda: set(values(stage).values()) == {"unavailable"}, "all entities unavailable"
    )
    return f"{len(entities(stage))} entities unavailable"


@step(PART, "Facet starts again", "each entity has its value")
def available(stage: Stage) -> str:
    stage.running()
    stage.home.wait(lambda: known(stage) and agree(stage), "all values")
    return f"{len(entities(stage))} entities available, values as the broker's"
