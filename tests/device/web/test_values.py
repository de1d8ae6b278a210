"""What the page is told: pictures, history, settings without secrets, sentences on what is kept."""

import asyncio
import gzip
import json
import re
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import cv2
import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from device.config import Setting, arrays_of, field_of, settings_of, tables_of
from device.counts.rows import HEADER, CountRow
from device.doctor.check_result import Check, failure, ok, warning
from device.outputs.overlay import annotate, draw_lines
from device.settings import Settings, WebSettings
from device.types import Line, LineCount
from device.web import history
from device.web.facts import Facts
from device.web.feed import Feed
from device.web.findings import Findings
from device.web.pictures import Pictures, blur, painted
from device.web.shown_settings import HIDDEN, SHOWN, kept, shown_settings
from tests.device.outputs.made_up import face, result
from tests.device.web.conftest import HASH, live_run, until

NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)


def noisy(*faces):
    shown = result(*faces)
    shown.frame.bgr[:] = np.random.default_rng(0).integers(0, 256, shown.frame.bgr.shape)
    return shown


# Pictures


def test_a_picture_is_painted_on_a_copy_and_encoded_once():
    shown, pictures = noisy(face()), Pictures(WebSettings())
    before = shown.frame.bgr.copy()
    jpeg = pictures.jpeg(shown)
    assert pictures.jpeg(shown) is jpeg and pictures.encoded == 1
    assert np.array_equal(shown.frame.bgr, before)
    assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1).shape == before.shape
    pictures.jpeg(noisy(face()))
    assert pictures.encoded == 2


def test_a_large_picture_is_reduced():
    shown = result(face(), shape=(600, 2000, 3))
    assert painted(shown, WebSettings(width=1000)).shape == (300, 1000, 3)


DOOR = Line("door", (0.5, 0.0), (0.5, 1.0), "came", "went")


def test_a_picture_has_the_lines_as_the_window_has_them():
    shown = replace(noisy(face()), lines=(LineCount(DOOR, 3, 1),))
    expected = shown.frame.bgr.copy()
    draw_lines(expected, shown.lines)
    annotate(expected, shown.faces)
    assert np.array_equal(painted(shown, WebSettings()), expected)


def test_the_status_has_the_sums_of_each_line():
    live = live_run()
    facts = Facts(live, NOW)
    assert facts.short_status(0)["lines"] == []
    live.state.write(replace(result(face()), lines=(LineCount(DOOR, 3, 1),)))
    line = {"name": "door", "in_name": "came", "out_name": "went", "in": 3, "out": 1}
    assert facts.short_status(0)["lines"] == facts.status(0)["lines"] == [line]


def test_a_blurred_face_has_no_detail_and_the_rest_is_as_it_was():
    picture = noisy().frame.bgr
    before = picture.copy()
    blur(picture, (60.0, 40.0, 40.0, 40.0))
    inside, outside = picture[30:90, 50:110], np.ones(picture.shape[:2], bool)
    outside[30:90, 50:110] = False
    assert np.array_equal(picture[outside], before[outside])
    steps = np.abs(np.diff(inside.astype(int), axis=1))
    assert steps.max() <= 12 < np.abs(np.diff(before[30:90, 50:110].astype(int), axis=1)).mean()


@given(st.tuples(*[st.floats(-50, 250)] * 2, *[st.floats(0, 300)] * 2))
def test_any_box_can_be_blurred(box):
    picture = np.full((120, 160, 3), 90, np.uint8)
    blur(picture, box)
    assert picture.shape == (120, 160, 3) and (picture == 90).all()


# Feed


def test_a_reader_gets_the_newest_of_each_kind_and_misses_older_ones():
    async def read():
        feed = Feed()
        with feed.reader():
            assert await feed.newer(0, 0.01) == ([], 0)
            for value in (b"1", b"2", b"3"):
                feed.publish("a", value)
            feed.publish("b", b"4")
            values, number = await feed.newer(0, 1)
            assert (values, number) == ([b"3", b"4"], 4)
            waiting = asyncio.create_task(feed.newer(number, 30))
            await asyncio.sleep(0)
            feed.publish("b", b"5")
            assert await waiting == ([b"5"], 5)
            waiting = asyncio.create_task(feed.newer(5, 30))
            await asyncio.sleep(0)
            feed.close()
            assert await waiting == ([], 5)
        assert feed.readers == 0

    asyncio.run(read())


# History


def test_the_last_day_has_24_hours_with_those_without_visits():
    hour = NOW.replace(minute=0)
    day = history.last_day(
        {hour: 3, hour - timedelta(hours=23): 1, hour - timedelta(days=1): 9}, NOW
    )
    assert len(day) == 24 and day[0] == (hour - timedelta(hours=23), 1) and day[-1] == (hour, 3)
    assert sum(count for _, count in day) == 4


def test_today_is_the_local_day():
    counts = {NOW.replace(hour=hour, minute=0): 1 for hour in (0, 5, 12)}
    assert history.today(counts, NOW) == 3
    assert history.today(counts, NOW.astimezone(timezone(timedelta(hours=-3)))) == 2


def write(path: Path, *moments: datetime, compress=False) -> None:
    rows = [f"{moment:%Y-%m-%dT%H:%M:%S.000Z},x,usb:0,1,1.0,3" for moment in moments]
    text = "\n".join(["first_seen,last_seen,source,track,dwell_s,frames_classified", *rows, ""])
    path.write_bytes(gzip.compress(text.encode()) if compress else text.encode())


def test_visits_before_the_run_come_from_the_file_and_its_older_ones(tmp_path):
    start, file = datetime.now(UTC), tmp_path / "visits.csv"
    hour = timedelta(hours=1)
    write(file, start - hour, start + hour)  # the second is this run's own
    write(tmp_path / "visits.2026-01-01.csv.gz", start - 2 * hour, start - 48 * hour, compress=True)
    (tmp_path / "visits.2026-01-02.csv.gz").write_bytes(b"\x1f\x8bno gzip")
    (tmp_path / "visits.2026-01-03.csv").write_bytes(b'\xff\0"\n1970-01-01T00:00:00.000Z?,\n')
    write(tmp_path / "other.csv", start - hour)
    counts = history.visits_before(file, start)
    assert counts == {history.start_of_hour(start - n * hour): 1 for n in (1, 2)}
    assert not history.visits_before(tmp_path / "missing" / "visits.csv", start)


def test_visits_of_the_file_and_of_this_run_add_up():
    live = live_run()
    facts = Facts(live, NOW, now=lambda: NOW)
    hour = NOW.replace(minute=0)
    facts.before = {hour: 2, hour - timedelta(hours=1): 1}
    with live.state:
        live.state.write(result(face(1)))
    counts = facts.counts()["hours"]
    assert [entry["visits"] for entry in counts[-2:]] == [1, 3]
    assert counts[-1]["hour"] == "2026-01-02T12:00:00.000Z"


# Status


def test_faces_have_shares_of_the_frame_and_the_shown_attributes():
    facts = Facts(live_run(), NOW)
    shown = result(
        face(3, (16.0, 30.0, 80.0, 60.0), person="Ada"), face(4, values=None, state="blurred")
    )
    first, second = facts.faces(shown)["faces"]
    assert first == {
        "id": 3,
        "person": "Ada",
        "state": "ok",
        "labels": ["smiling"],
        "attributes": {"Smiling": 0.75},
        "box": [0.1, 0.25, 0.5, 0.5],
    }
    assert (second["state"], second["labels"], second["attributes"], second["person"]) == (
        "blurred", [], {}, None
    )  # fmt: skip


def test_before_the_first_frame_all_is_empty():
    facts = Facts(live_run(), NOW)
    assert facts.faces(None)["faces"] == []
    status = facts.short_status(0)
    assert (status["frames"], status["fps"], status["age_s"], status["dropped"]) == (0, 0, None, 7)


def test_settings_are_shown_without_secrets():
    live = live_run(
        {"password": HASH},
        camera={"source": "rtsp://ada:lovelace@cam/live", "user": "ada", "password_file": "/x/y"},
    )
    shown = shown_settings(live.settings)
    text = json.dumps(shown)
    assert "lovelace" not in text and "scrypt" not in text and '"ada"' not in text
    assert shown["camera"]["source"] == "rtsp://cam/live" and shown["web"]["password"] == "***"
    assert shown["camera"]["password_file"] == "/x/y" and shown["mqtt"]["user"] == ""
    assert shown["faces"]["min_face"] == 24.0


def secret(setting: Setting, value):
    """Return the value with a secret in it wherever a text may have one."""
    if setting.choices or setting.type in (bool, int, float) or setting.item in (int, float):
        return value
    if setting.item is str:
        return ("hush", "http://ada:lovelace@host/?token=hush")
    address = "rtsp://ada:lovelace@cam/live?token=hush"
    return Path(f"/x/{address}") if setting.type is Path else address


def test_each_text_among_the_settings_is_shown_or_hidden_on_purpose():
    tables = tables_of(Settings) | arrays_of(Settings)
    numbers = (bool, int, float)
    for name, table in tables.items():
        texts = {key for key, setting in settings_of(table).items() if setting.type not in numbers}
        shown, hidden = (set(part.get(name, "").split()) for part in (SHOWN, HIDDEN))
        assert not shown & hidden, name
        assert texts <= shown | hidden, f"[{name}]: SHOWN or HIDDEN in shown_settings.py?"
        suspicious = "password|secret$|token|passphrase|user|url|argv|credential|api_?key|urls"
        for key in shown:
            assert key.endswith("_file") or not re.search(suspicious, key), (name, key)
    assert set(SHOWN) | set(HIDDEN) <= set(tables)


def test_no_setting_shows_a_password_of_an_address_or_what_is_hidden():
    def filled(table, name):
        values = {
            field_of(key): secret(setting, getattr(table(), field_of(key)))
            for key, setting in settings_of(table).items()
        }
        return msgspec.structs.replace(table(), **values)

    settings = Settings(
        **{name: filled(table, name) for name, table in tables_of(Settings).items()},
        **{name: (filled(table, name),) for name, table in arrays_of(Settings).items()},
    )
    shown = shown_settings(settings)
    assert set(shown) == set(tables_of(Settings)) | set(arrays_of(Settings))
    assert "lovelace" not in json.dumps(shown)
    for name, keys in HIDDEN.items():
        table = shown[name][0] if isinstance(shown[name], list) else shown[name]
        assert {table[key] for key in keys.split()} == {"***"}


def test_lines_and_rules_are_shown_each_as_a_table():
    line = {"name": "door", "from": [0.5, 0.0], "to": [0.5, 1.0]}
    rule = {
        "when": "Smiling > 0.8", "do": "webhook", "url": "https://hooks.example.org/T0/SECRET",
        "secret_file": "/etc/facet.webhook", "argv": ["/bin/sh", "--token", "SECRET"],
    }  # fmt: skip
    shown = shown_settings(live_run(lines=[line], rules=[rule]).settings)
    assert shown["lines"] == [line | {"in_name": "in", "out_name": "out"}]
    (table,) = shown["rules"]
    assert table["when"] == "Smiling > 0.8" and table["secret_file"] == "/etc/facet.webhook"
    assert table["url"] == table["argv"] == "***"
    assert "SECRET" not in json.dumps(shown)


def test_the_page_says_what_is_kept():
    assert kept(live_run()) == ["Nothing is stored.", "This page stores no picture."]
    live = live_run(
        {"blur": True},
        log=Path("faces.csv"),
        visits=Path("visits.csv"),
        rotation={"daily": True, "keep_days": 30},
        outputs={"record": "film.mp4"},
        people={"enabled": True},
    )
    text = " ".join(kept(live))
    for word in ("faces.csv", "visits.csv", "30 days", "film.mp4", "by name", "blurred"):
        assert word in text
    assert "Nothing is stored" not in text


def test_the_page_says_what_rules_and_connections_keep_or_send():
    snapshot = {"when": "Smiling", "do": "snapshot", "folder": "/pictures"}
    webhook = {"when": "Smiling", "do": "webhook", "url": "http://lamp.example/TOKEN"}
    door = {"name": "door"}
    text = " ".join(kept(live_run(rules=[snapshot, webhook], mqtt={"host": "broker"})))
    assert "stored by rules in /pictures." in text and "MQTT broker broker." in text
    assert "other programs" in text and "TOKEN" not in text and "Nothing is stored" not in text
    live = live_run(lines=[door], outputs={"crossings": "crossings.csv"})
    assert kept(live)[0] == "Each crossing of a line is logged in crossings.csv."
    assert "Nothing is stored." in kept(live_run(rules=[webhook]))
    sent = kept(live_run(mqtt={"host": "broker", "snapshot": True}))
    assert any("with pictures" in sentence for sentence in sent)


# Doctor


def test_the_doctor_runs_seldom_and_not_in_the_callers_thread():
    runs, go_on = [], threading.Event()

    def checks():
        runs.append(1)
        go_on.wait(30)
        yield Check("a", lambda: ok("fine"))
        yield Check("b", lambda: warning("so so", "do this"))
        yield Check("c", lambda: failure("bad", "do that"))
        yield Check("d", lambda: 1 / 0)

    now_s = [0.0]
    findings = Findings(checks, 600, lambda: now_s[0])
    assert not findings.newest()  # at once, while the first check waits
    go_on.set()
    until(findings.newest, "the checks' end")
    levels = [(entry["level"], entry["name"], entry["hint"]) for entry in findings.newest()]
    assert levels[:3] == [("ok", "a", None), ("warning", "b", "do this"), ("error", "c", "do that")]
    assert levels[3][0] == "error"
    now_s[0] = 599
    findings.newest()
    assert len(runs) == 1
    now_s[0] = 600
    # Asked more than once: the thread of the first run may still be ending.
    until(lambda: findings.newest() and len(runs) == 2, "a second run")
    findings.stop()


def test_at_the_level_of_counts_the_page_has_what_the_file_has(tmp_path):
    file, hour = tmp_path / "counts.csv", history.start_of_hour(NOW)
    rows = [
        CountRow(hour, hour - timedelta(hours=2), "door", "visits", visits=30),
        CountRow(hour, hour - timedelta(hours=1), "door", "refused", visits=10),
        CountRow(hour, hour - timedelta(hours=2), "door", "attribute", "Smiling", "yes", 20),
        CountRow(hour - timedelta(hours=2), hour - timedelta(hours=3), "door", "visits"),
        CountRow(hour - timedelta(days=2), hour - timedelta(days=3), "door", "visits", visits=50),
    ]
    file.write_bytes(HEADER + b"".join(row.line() for row in rows))
    expected = {hour - timedelta(hours=1): 40}
    assert history.published(file, NOW) == expected
    facts = Facts(replace(live_run(privacy="counts"), counts=file), NOW, now=lambda: NOW)
    assert facts.by_hour() == expected and facts.short_status(0)["lines"] == []
    assert history.published(None, NOW) == history.published(tmp_path / "none.csv", NOW) == {}
