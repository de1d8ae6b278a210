"""What Prometheus and Grafana get."""

import json
import re

from device.outputs.status_log import hottest_c
from tests.device.mqtt.broker import wait_until
from tests.integrations import programs
from tests.integrations.stage import Stage
from tests.integrations.step import step
from tests.machines.debian import ROOT

PART = "Metrics"
METRIC = re.compile(r"\bfacet_\w+")


@step(PART, "promtool check metrics", "nothing to complain of")
def check(stage: Stage) -> str:
    stage.running()
    text = stage.metrics()
    words = [programs.PROMTOOL.need(), "check", "metrics"]
    done = programs.run(words, input=text)
    assert not done.stdout + done.stderr, (done.stdout + done.stderr).decode()
    return f"{len(text.splitlines())} lines, no complaint"


@step(PART, "Prometheus", "scrapes Facet; the counter of frames rises")
def scrape(stage: Stage) -> str:
    stage.running()
    server = stage.prometheus
    assert server.answer('up{job="facet"}') == [1]
    (first,) = server.answer("facet_frames_total")
    wait_until(lambda: server.answer("facet_frames_total") > [first], "more frames", 60)
    wait_until(lambda: server.answer("rate(facet_frames_total[15s])") > [0], "a rate", 60)
    (rate,) = server.answer("rate(facet_frames_total[15s])")
    return f"facet_frames_total {first:.0f} and rising, {rate:.1f} frames/s"


@step(PART, "Grafana dashboard", "Prometheus has each metric of docs/grafana.json")
def dashboard(stage: Stage) -> str:
    stage.running()
    text = (ROOT / "docs/grafana.json").read_text()
    names = {
        name
        for panel in _panels(json.loads(text))
        for target in panel.get("targets", [])
        for name in METRIC.findall(target["expr"])
    }
    assert names, "no metric"
    without = {"facet_temperature_celsius"} if hottest_c() is None else set()
    # Some have labels only after the first visit or the first dropped frame.
    wait_until(
        lambda: all(stage.prometheus.query(name) for name in names - without),
        "each metric",
        60,
    )
    less = "; not temperature: this computer has no sensor" if without & names else ""
    return f"{len(names - without)} of {len(names)} metrics{less}"


def _panels(dashboard: dict) -> list[dict]:
    """Return the panels, those of rows too."""
    found = []
    for panel in dashboard["panels"]:
        found += [panel, *panel.get("panels", [])]
    return found
