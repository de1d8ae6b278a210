"""The status lines of a service's journal."""

from device.outputs.status_log import StatusLog, hottest_c
from tests.device.outputs.made_up import face, result


def test_a_line_every_minute_counts_what_happened_since_the_last(capsys):
    clock, dropped = [0.0], [0]
    with StatusLog(60.0, lambda: dropped[0], lambda: 51.6, lambda: clock[0]) as status:
        for index in range(241):  # 2 frames/s for two minutes
            clock[0], dropped[0] = index / 2, index * 3
            faces = [face(1), face(2)] if index < 100 else [face(1)]
            assert status.write(result(*faces, index=index)) is None
    assert capsys.readouterr().err.splitlines() == [
        "facet: last 60 s: 2.0 frames/s, 2 faces, 360 dropped, 52 °C",
        "facet: last 60 s: 2.0 frames/s, 1 face, 360 dropped, 52 °C",
    ]


def test_an_unknown_temperature_is_left_out(capsys):
    clock = iter([0.0, 1.0])
    StatusLog(1.0, temperature_c=lambda: None, clock_s=lambda: next(clock)).write(result())
    assert capsys.readouterr().err == "facet: last 1 s: 1.0 frames/s, 0 faces, 0 dropped\n"


def test_without_faces_the_line_says_nothing_about_people(capsys):
    clock = iter([0.0, 1.0])
    log = StatusLog(1.0, temperature_c=lambda: None, clock_s=lambda: next(clock), faces=False)
    log.write(result(face(1)))
    assert capsys.readouterr().err == "facet: last 1 s: 1.0 frames/s, 0 dropped\n"


def test_the_highest_temperature_and_none_without_sensors(tmp_path):
    assert hottest_c(tmp_path) is None
    for number, text in enumerate(("48312\n", "61000\n", "broken")):
        zone = tmp_path / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "temp").write_text(text)
    (tmp_path / "thermal_zone3").mkdir()  # one that cannot be read
    assert hottest_c(tmp_path) == 61.0
