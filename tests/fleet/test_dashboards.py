"""Every panel of the dashboard asks the real database, as the role that Grafana has."""

import json
import re
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import yaml

from device.fleet.database import FleetDatabase, Letter
from device.fleet.records import record_of

from .programs import FILES
from .visits import counts, visit

DASHBOARD = json.loads((FILES / "grafana" / "dashboards" / "fleet.json").read_text())
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
NOW, DAY = datetime.now(UTC), timedelta(days=1)
# What Grafana makes of its macro for a time from yesterday to tomorrow: texts of RFC 3339.
FILTER = rf"\1 BETWEEN '{NOW - DAY:%Y-%m-%dT%H:%M:%SZ}' AND '{NOW + DAY:%Y-%m-%dT%H:%M:%SZ}'"


def sql_of(panel: dict) -> str:
    [target] = panel["targets"]
    text = re.sub(r"\$__timeFilter\((\w+)\)", FILTER, target["rawSql"])
    assert "$" not in text
    return text.replace("%", "%%")


@pytest.fixture
def filled(database):
    fleet = FleetDatabase(database.dsn)
    now = counts(start="2026-11-27T08:00:00Z")
    payloads = [
        ("visit", visit(1)),
        ("visit", visit(2, clock_set=False)),
        ("visit", b"rubbish \xff"),
        ("counts", now),
        ("status", b"online"),
        ("run", b'{"number":1,"token":"x","version":"0.1.0","model":"0123456789ab"}'),
        ("diagnostics", b'{"fps":7.5,"temperature_c":85}'),
    ]
    letters = [("facet/shop-1/" + kind, payload) for kind, payload in payloads]
    letters.append(("facet/shop-2/status", b"offline"))
    fleet.write([Letter(topic, payload, record_of(topic, payload)) for topic, payload in letters])
    fleet.close()
    database.ask("UPDATE counts SET start = now(), until = now()")
    return database


@pytest.mark.parametrize("title", sorted(PANELS))
def test_a_panel_has_an_answer(filled, title):
    panel = PANELS[title]
    with psycopg.connect(f"{filled.dsn} user=grafana", autocommit=True) as reader:
        found = reader.execute(sql_of(panel), {})
        columns = [column.name for column in found.description or ()]
        rows = found.fetchall()
    assert rows and any(value is not None for value in rows[0])
    if panel["targets"][0]["format"] == "time_series":
        assert columns[0] == "time" and len(columns) > 1


def test_a_panel_asks_the_provisioned_source_and_lies_on_no_other():
    source = yaml.safe_load((FILES / "grafana/provisioning/datasources/facet.yaml").read_text())
    [given] = source["datasources"]
    taken = set()
    for panel in DASHBOARD["panels"]:
        assert panel["datasource"] == {"type": given["type"], "uid": given["uid"]}
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_a_number_is_red_only_if_it_says_something_bad():
    """Without thresholds of its own Grafana shows each number from 80 on in red."""
    for panel in DASHBOARD["panels"]:
        if panel["type"] == "stat":
            steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
            assert steps[0] == {"color": "green", "value": None}
            assert [step["value"] for step in steps[1:]] == sorted(s["value"] for s in steps[1:])
    assert len(PANELS["Visits"]["fieldConfig"]["defaults"]["thresholds"]["steps"]) == 1
