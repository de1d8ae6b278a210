"""All of it stops."""

import re
import time

from tests.device.mqtt.broker import wait_until
from tests.integrations.stage import CAMERA, Stage
from tests.integrations.step import step
from tests.integrations.steps_mqtt import STATUS, kept

PART = "End"
END_S = 15.0  # 8 s for a broker that hangs, 5 s for rules; neither should be needed
OURS = re.compile(r"facet|mqtt|generic|127\.0\.0\.1", re.IGNORECASE)


@step(PART, "Facet stops (SIGTERM)", f"within {END_S:.0f} s, exit code 0")
def stop(stage: Stage) -> str:
    facet = stage.running()
    took_s = facet.stop()
    assert facet.code == 0, f"exit code {facet.code}: {facet.text()[-400:]}"
    assert took_s <= END_S, f"{took_s:.1f} s"
    return f"{took_s:.1f} s, exit code 0"


@step(PART, "status", "offline, kept by the broker; the last visits were sent")
def offline(stage: Stage) -> str:
    listener = stage.listener
    wait_until(lambda: listener.last(STATUS) == b"offline", "offline", 30)
    assert kept(stage)[STATUS] == b"offline"
    sent = {message["id"] for message in listener.json(f"facet/{CAMERA}/visit")}
    missing = set(stage.facet.visit_ids(CAMERA)) - sent
    assert not missing, f"{len(missing)} visits were not sent"
    return f"offline; {len(sent)} visits sent, 0 missing"


@step(PART, "Facet's log", "no traceback, and nothing to report")
def log(stage: Stage) -> str:
    faults = stage.facet.faults()
    assert not faults, faults[:3]
    lines = stage.facet.text().splitlines()
    return f"{len(lines)} lines, no traceback"


@step(PART, "Home Assistant's log", "no error about MQTT, the camera or Facet")
def home_log(stage: Stage) -> str:
    home = stage.home
    begun_s = time.monotonic()
    home.stop()
    took_s = time.monotonic() - begun_s
    lines = home.output.read_text(errors="replace").splitlines()
    errors = [line for line in lines if " ERROR " in line and OURS.search(line)]
    assert not errors, " / ".join(errors[:3])
    return f"{len(lines)} lines of all its starts, no such error; it stopped in {took_s:.0f} s"
