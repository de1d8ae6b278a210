"""What a report says: shares, intervals and comparisons worked out by hand, and its files."""

import csv
import io
import math
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device.counts.figures import build_report
from device.counts.page import Notes, html, sheets
from device.counts.rates import Rates, change, corrected, difference, rates_of, wilson
from device.counts.read import CountsFiles, read_counts
from device.counts.rows import (
    ATTRIBUTE,
    BEGIN,
    DWELL,
    END,
    HEADER,
    REFUSED,
    RUN,
    VISITS,
    CountRow,
)
from device.counts.sheets import as_csv, as_xlsx
from device.counts.words import range_words, rate, share_sentence, signed, traffic_sentence
from device.errors import SourceError, UsageError

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
RATES = {"sensitivity": 0.9, "specificity": 0.8, "positives": 1000, "negatives": 1000}
MEASURED = {"rates": {"Smiling": RATES}}
NOTES = Notes(10, "attributes", 0, 0, None)


def hour(day, at, visits, kind=VISITS, name="", value="", hours=1):
    start = MONDAY + timedelta(days=day, hours=at)
    return CountRow(start + timedelta(hours=hours), start, "door", kind, name, value, visits)


def smiles(day, at, yes, no):
    return [
        hour(day, at, yes + no),
        hour(day, at, yes, ATTRIBUTE, "Smiling", "yes"),
        hour(day, at, no, ATTRIBUTE, "Smiling", "no"),
    ]


def report(rows, **options):
    return build_report(rows, MEASURED, zone=UTC, **options)


def test_a_wilson_interval():
    found = wilson(10, 100)
    assert found.value == 0.1
    assert (found.low, found.high) == pytest.approx((0.0552, 0.1744), abs=1e-4)


def test_a_corrected_share_is_rogan_and_gladens():
    found = corrected(41, 100, Rates(0.9, 0.8, 1000, 1000))
    assert found.value == pytest.approx((0.41 + 0.8 - 1) / (0.9 + 0.8 - 1))  # 0.3
    assert found.low < 0.3 < found.high and found.high - found.low > 0.25


def test_a_share_below_the_models_false_alarms_is_corrected_to_none():
    assert corrected(15, 100, Rates(0.9, 0.8, 1000, 1000)).value == 0.0


def test_a_share_far_below_the_models_false_alarms_does_not_fit_its_rates():
    assert corrected(1, 100, Rates(0.9, 0.8, 1000, 1000)) is None
    assert corrected(99, 100, Rates(0.8, 0.9, 1000, 1000)) is None
    few = [*smiles(0, 10, 0, 400)]
    (share,) = report(few).shares
    assert share.rates and share.corrected is None
    assert "they are others at this camera" in share_sentence(share)


@given(
    st.integers(0, 500),
    st.integers(1, 500),
    st.floats(0.71, 1.0),
    st.floats(0.71, 1.0),
    st.integers(1, 5000),
)
def test_corrected_intervals_hold_their_value_and_are_wider_than_nothing(
    yes, more, sensitivity, specificity, photos
):
    found = corrected(yes, yes + more, Rates(sensitivity, specificity, photos, photos))
    if found is None:
        return
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 300), st.integers(1, 300))
def test_a_difference_is_inside_its_interval(yes, yes2, more, more2):
    found = difference(yes, yes + more, yes2, yes2 + more2)
    assert -1 <= found.low <= found.value <= found.high <= 1


def test_fewer_photos_make_the_corrected_interval_wider():
    wide, narrow = (corrected(41, 100, Rates(0.9, 0.8, n, n)) for n in (30, 3000))
    assert wide.high - wide.low > narrow.high - narrow.low


@pytest.mark.parametrize(
    "measured",
    [
        {},
        {"rates": {}},
        {"rates": {"Smiling": RATES | {"sensitivity": 0.5, "specificity": 0.6}}},  # next to chance
        {"rates": {"Smiling": RATES | {"positives": 0}}},
        {"rates": {"Smiling": "broken"}},
    ],
)
def test_rates_that_cannot_be_used(measured):
    assert rates_of(measured, "Smiling") is None


def test_a_factor_and_its_interval():
    found = change(200, 10, 100, 10, 1.0)
    width = 1.959964 * math.sqrt(1 / 200 + 1 / 100)
    assert found.value == 2.0
    assert (found.low, found.high) == pytest.approx((2 * math.exp(-width), 2 * math.exp(width)))


def test_a_week_beside_the_week_before():
    rows = [*smiles(-7, 10, 20, 80), *smiles(0, 10, 60, 60), hour(0, 11, 12, REFUSED)]
    found = report(rows, last_day=date(2026, 11, 29))
    assert (found.week.visits, found.week.refused, found.week.hours) == (120, 12, 1)
    assert (found.before.visits, found.before.refused) == (100, 0)
    assert found.change.value == pytest.approx(1.32)
    (share,) = found.shares
    assert (share.yes, share.total, share.raw.value) == (60, 120, 0.5)
    assert share.corrected.value == pytest.approx(0.3 / 0.7)
    assert share.change.value == pytest.approx(0.3)
    assert share.corrected_change.value == pytest.approx(0.3 / 0.7)
    assert share.corrected_change.low < 0.3 / 0.7 < share.corrected_change.high


def test_the_last_day_is_the_last_that_is_over():
    found = report([hour(0, 23, 10)])  # it ends at midnight of Tuesday
    assert (found.first_day, found.last_day) == (date(2026, 11, 17), date(2026, 11, 23))
    assert report([hour(0, 23, 10), hour(1, 8, 10)]).last_day == date(2026, 11, 23)
    assert report([hour(1, 8, 10)]).last_day == date(2026, 11, 24)  # there is no other


def test_merged_times_are_spread_over_their_hours():
    found = report([hour(0, 8, 30, hours=3)])
    assert found.week.by_hour == {8: 10.0, 9: 10.0, 10: 10.0}
    assert found.week.hours_by_hour == {8: 1.0, 9: 1.0, 10: 1.0}


def test_withheld_times_are_no_times_without_people():
    found = report([hour(0, 8, 30), hour(0, 20, None, hours=4)])
    assert (found.week.hours, found.week.withheld_hours) == (1, 4)
    tuesday = date(2026, 11, 24)
    (days, *_) = sheets(report([hour(0, 8, 30), hour(1, 20, None)], last_day=tuesday), 10)
    assert [row[2] for row in days.rows][-2:] == [30, "< 10"]


def test_the_hours_of_each_day():
    rows = [hour(0, 8, 30), hour(0, 9, None), hour(1, 8, 12, hours=3)]
    found = report(rows, last_day=date(2026, 11, 24))
    (_, _, grid, *_) = sheets(found, 10)
    assert grid.columns[0] == "Hour" and grid.columns[-2:] == ("Mon 23", "Tue 24")
    assert [(row[0], *row[-2:]) for row in grid.rows] == [
        ("08:00", 30, "< 10"),
        ("09:00", "< 10", "< 10"),
        ("10:00", None, "< 10"),
    ]
    page = html(found, NOTES)
    assert page.count('class="heat"') == 1 and "--share:1.00" in page


def test_a_day_that_nobody_counted_has_no_mark_in_the_chart():
    rows = [hour(day, 8, 30) for day in (*range(-7, -1), *range(7))]  # the Sunday before is missing
    assert html(report(rows), NOTES).count('class="before"') == 6 + 1  # days, and one hour


def test_a_quiet_week_whose_small_groups_were_withheld_is_no_busier():
    busy = [hour(-7, at, 10) for at in range(24)]
    quiet = [hour(0, 0, 100), hour(0, 1, None, hours=23)]
    (found, unknown) = (report(busy + quiet, min_group=least).change for least in (10, 0))
    assert found.value == pytest.approx((100 + 5) / 240)
    assert found.low < 101 / 240 < 109 / 240 < found.high < 1
    assert unknown.value == pytest.approx(100 / 240)


def test_combinations_give_the_share_of_each():
    rows = [
        hour(0, 8, count, ATTRIBUTE, "Smiling+Bald", value)
        for value, count in [("yes+yes", 10), ("yes+no", 20), ("no+yes", 30), ("no+no", 40)]
    ]
    found = {share.name: (share.yes, share.total) for share in report(rows).shares}
    assert found == {"Smiling": (30, 100), "Bald": (40, 100)}


def test_ranges_that_were_merged_merge_the_others():
    rows = [
        hour(0, 8, 20, DWELL, "", "0..2"),
        hour(0, 8, 10, DWELL, "", "2..5"),
        hour(0, 8, 5, DWELL, "", "5.."),
        hour(0, 9, 15, DWELL, "", "0..5"),
        hour(0, 9, 11, DWELL, "", "5.."),
    ]
    assert report(rows).dwell == {"0..5": 45, "5..": 16}


def test_people_who_come_in_groups_make_the_change_less_sure():
    even = [hour(day, 10, 100) for day in range(-7, 0)] + [hour(d, 10, 130) for d in range(7)]
    uneven = [hour(day, 10, 100) for day in range(-7, 0)]
    uneven += [hour(day, 10, count) for day, count in enumerate((20, 300, 40, 250, 20, 240, 40))]
    first, second = (report(rows).change for rows in (even, uneven))
    assert first.low > 1.0
    assert second.low < 1.0 < second.high


def test_without_rows_there_is_no_report():
    with pytest.raises(UsageError, match="no counts yet"):
        report([])
    with pytest.raises(UsageError, match="no counts from 2026-01-01 to 2026-01-07"):
        report([hour(0, 8, 30)], last_day=date(2026, 1, 7))


# Words


def test_words_of_chance():
    rows = [*smiles(-7, 10, 50, 50), *smiles(0, 10, 52, 50)]
    found = report(rows, last_day=date(2026, 11, 29))
    assert "which may be chance" in traffic_sentence(found)
    assert share_sentence(found.shares[0]).endswith("which may be chance.")


def test_words_of_a_change():
    rows = [*smiles(-7, 10, 10, 90), *smiles(0, 10, 300, 100)]
    found = report(rows, last_day=date(2026, 11, 29))
    assert "300 % more than in the week before" in traffic_sentence(found)
    assert "+65 points" in share_sentence(found.shares[0])
    assert "more than chance explains" in share_sentence(found.shares[0])


def test_words_of_a_week_that_was_withheld():
    found = report([hour(0, 8, None), hour(0, 8, 0, REFUSED)])
    assert "their number was withheld" in traffic_sentence(found)
    assert html(found, NOTES)


def test_epsilon_is_told_as_a_factor():
    page = html(report([hour(0, 8, 30)]), Notes(10, "", 0, 0, 1.0))
    assert "took place by a factor of 2.72 at most" in page


@pytest.mark.parametrize(
    "value, words", [(0.0, "0 %"), (0.004, "under 1 %"), (0.936, "94 %"), (0.996, "over 99 %")]
)
def test_words_of_a_rate(value, words):
    assert rate(value) == words


def test_words_without_rates_or_a_week_before():
    found = build_report(smiles(0, 10, 30, 30), {}, zone=UTC)
    assert traffic_sentence(found).endswith("There is no week before to compare with.")
    assert "errors are unknown" in share_sentence(found.shares[0])


@pytest.mark.parametrize(
    "name, words",
    [("0..2", "up to 2 s"), ("15..60", "15 s to 1 min"), ("300..", "5 min and longer")],
)
def test_words_of_ranges(name, words):
    assert range_words(name) == words


@pytest.mark.parametrize("value, text", [(-0.3, "0"), (0.4, "0"), (2.6, "+3"), (-2.6, "-3")])
def test_signs(value, text):
    assert signed(value) == text


# Files


def test_the_page_loads_nothing_and_says_what_it_cannot_know():
    page = html(report([*smiles(-7, 10, 20, 80), *smiles(0, 10, 60, 60)]), NOTES)
    assert "<script" not in page and "http" not in page.replace("http-equiv", "").replace(
        "http://www.w3.org/2000/svg", ""
    )
    for words in ("not footfall", "no measure of satisfaction", "fewer than 10 visits"):
        assert words in page


def test_a_cameras_name_is_no_html():
    rows = [CountRow(MONDAY, MONDAY - timedelta(hours=1), "<b>&", VISITS, visits=20)]
    assert "&lt;b&gt;&amp;" in html(report(rows), NOTES)


def test_the_csv_has_every_table():
    text = as_csv(sheets(report(smiles(0, 10, 60, 60)), 10)).decode()
    found = list(csv.reader(io.StringIO(text)))
    assert found[[r[:1] for r in found].index(["smiling"])][:4] == ["smiling", "60", "120", "50.0"]


def test_the_workbook_can_be_read_again():
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(sheets(report(smiles(0, 10, 60, 60)), 10))))
    assert book.sheetnames[0] == "Visits by day"
    assert [cell.value for cell in book["Shares of the visits"][2]][:4] == ["smiling", 60, 120, 50]


def written(path, rows):
    path.write_bytes(HEADER + b"".join(row.line() for row in rows))
    return path


def test_files_are_read_once_each_in_order(tmp_path):
    rows = [hour(1, 8, 20), hour(0, 8, 10)]
    file = written(tmp_path / "c.csv", rows)
    other = written(tmp_path / "older.csv", rows[:1])
    found = read_counts([file, other, file])
    assert list(found.rows) == [rows[1], rows[0]] and found.damaged == 0


def test_a_damaged_line_is_counted_and_left_out(tmp_path):
    file = written(tmp_path / "c.csv", [hour(0, 8, 20)])
    with file.open("ab") as appended:
        appended.write(b"2026-11-23T10:00:00.000Z,yesterday,door,visits,,,5\n\0\0\n1,2\n")
        appended.write(b"2026-11-23T10:00:00.000Z,2026-11-23T09:00:00.000Z,door,visits,,,-5\n")
    found = read_counts([file])
    assert (len(found.rows), found.damaged) == (1, 4)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "faces.csv").write_text("time,source\n")
    with pytest.raises(UsageError, match="is no file of --counts"):
        read_counts([tmp_path / "faces.csv"])
    with pytest.raises(SourceError, match="no file"):
        read_counts([tmp_path / "none.csv"])
    (tmp_path / "c.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(SourceError, match="cannot read"):
        read_counts([tmp_path / "c.csv.gz"])


def test_a_run_that_was_cut_off_is_told():
    begin, end = (
        hour(0, 8, None, RUN, BEGIN, "min_group=12 model=small"),
        hour(0, 9, None, RUN, END),
    )
    assert CountsFiles([begin, end, begin], 0).interruptions == 0
    assert CountsFiles([begin, begin, end], 0).interruptions == 1
    assert (CountsFiles([begin], 0).model, CountsFiles([begin], 0).min_group) == ("small", 12)


def test_noise_is_added_to_every_number():
    pytest.importorskip("opendp")
    from device.counts.private import with_noise

    rows = [hour(day, at, 1000) for day in range(7) for at in range(24)]
    noisy = [row.visits for row in with_noise(rows, 1.0)]
    assert len(set(noisy)) > 2 and all(900 < count < 1100 for count in noisy)
    assert with_noise([hour(0, 8, None)], 1.0)[0].visits is None


@pytest.mark.parametrize("epsilon", [0.0, -1.0, 1000.0, math.nan])
def test_an_epsilon_that_hides_nothing_is_refused(epsilon):
    from device.counts.private import with_noise

    with pytest.raises(UsageError, match="--epsilon"):
        with_noise([hour(0, 8, 10)], epsilon)


def test_noise_does_not_add_up_to_visits():
    pytest.importorskip("opendp")
    from device.counts.private import with_noise

    empty = [hour(day, at, 0) for day in range(7) for at in range(24)]
    # Cut off at 0, the 168 rows would add up to 840.
    assert report(with_noise(empty, 0.1)).week.visits < 700


def test_noise_below_nobody_is_nobody():
    rows = [
        hour(0, 8, -3),
        hour(0, 9, 40),
        *smiles(0, 10, -2, 30),
        hour(0, 9, -1, DWELL, "", "0.."),
    ]
    found = report(rows)
    assert (found.week.by_hour[8], found.shares[0].yes, found.dwell) == (0, 0, {"0..": 0})
    assert html(found, NOTES)


TIMES = st.sampled_from(
    [
        *("2026-11-23T10:00:00.000Z", "2026-11-23T09:00:00Z?", "2026-11-17T00:00:00+05:00"),
        *("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "x", ""),
    ]
)
KINDS = st.sampled_from(["visits", "attribute", "dwell", "refused", "run", "x"])
NAMES = st.sampled_from(["", "Smiling", "Smiling+Bald", "+", "begin", "end"])
VALUES = st.sampled_from(
    ["", "yes", "yes+no", "2..5", "5..", "a..b", "nan..", "inf..2", "model=", "min_group=² a=b=c"]
)
NUMBERS = st.sampled_from(["", "0", "12", "-1", "1e9", "9" * 11, "9" * 30, "²"])
LINES = st.tuples(TIMES, TIMES, st.just("door"), KINDS, NAMES, VALUES, NUMBERS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(LINES, max_size=8))
def test_whatever_a_file_has_it_gives_a_report_or_one_error(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("files") / "c.csv"
    path.write_bytes(HEADER + "\n".join(map(",".join, lines)).encode())
    try:
        found = read_counts([path])
        assert found.min_group >= 0 and html(report(found.rows), NOTES)
    except UsageError as error:
        assert error.hint
