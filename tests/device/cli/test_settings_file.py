"""The generated settings file and docs/settings.md: complete, and true."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.cli.flags import flags_of
from device.cli.settings_file import SERVICE, main, markdown, service_settings, settings_file
from device.config import Setting, arrays_of, merge, settings_of, tables_of
from device.errors import UsageError
from device.settings import LineSettings, RuleSettings, Settings
from tests.conftest import ROOT

TABLES = tables_of(Settings)
ARRAYS = arrays_of(Settings)
TOP = settings_of(Settings)  # above the tables
SETTINGS = [
    *(("", one) for one in TOP.values()),
    *(
        (table, one)
        for table, part in (TABLES | ARRAYS).items()
        for one in settings_of(part).values()
    ),
]
LINES = (LineSettings("door", (0.5, 0.0), (0.5, 1.0)), LineSettings("gate", in_name="entries"))
RULES = (
    RuleSettings(when="Smiling", do="webhook", url="http://pi:1880/smile", cooldown_s=60.0),
    RuleSettings(when='person == "Ada"', do="command", argv=("true",)),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)


@pytest.mark.parametrize(
    "chosen",
    [Settings(), SERVICE, Settings(lines=LINES), Settings(rules=RULES)],
    ids=["plain", "service", "lines", "rules"],
)
def test_read_again_it_is_what_was_written(chosen):
    assert merge(Settings(), tomllib.loads(settings_file(chosen)), "f.toml") == chosen


def values(setting: Setting) -> st.SearchStrategy:
    """Return a strategy of the values that a setting allows."""
    if setting.choices:
        return st.sampled_from(setting.choices)
    if setting.item:
        return st.lists(TEXTS, max_size=3).map(tuple)
    if setting.type is Path:
        return TEXTS.filter(lambda text: text and text[0] != "~").map(Path)
    numbers = {"min_value": setting.least, "max_value": setting.most}
    kinds = {bool: st.booleans, str: lambda: TEXTS}
    kinds |= {int: lambda: st.integers(**numbers), float: lambda: st.floats(**numbers)}
    return kinds[setting.type]()


def all_settings() -> st.SearchStrategy[Settings]:
    """Return a strategy of Settings: any values within their limits."""
    parts = {}
    for table, part in TABLES.items():
        fields = {name: values(one) for name, one in settings_of(part).items()}
        whole = st.fixed_dictionaries({}, optional=fields)
        # One table at a time: of all at once nine of ten would be refused.
        parts[table] = whole.filter(lambda values, table=table: _merged({table: values}))
    return st.fixed_dictionaries(parts).filter(lambda tables: _merged(tables)).map(_merged)


def _merged(tables) -> Settings | None:
    try:
        return merge(Settings(), tables, "made up")
    except UsageError:  # keep_days without daily
        return None


@settings(max_examples=30)  # each is the whole file, written and parsed
@given(all_settings())
def test_whatever_the_settings_the_file_read_again_gives_them(chosen):
    assert merge(Settings(), tomllib.loads(settings_file(chosen)), "f.toml") == chosen


def test_a_setting_without_its_hash_has_its_default():
    text = re.sub(r"^#(\w+ = |\[\[)", r"\1", settings_file(Settings()), flags=re.MULTILINE)
    tables = tomllib.loads(text)
    arrays = {name: tables[name][0] for name in ARRAYS}
    above = {key: tables.pop(key) for key in TOP}
    written = [
        (table, key) for table, keys in ({"": above} | tables | arrays).items() for key in keys
    ]
    assert written == [(table, one.name) for table, one in SETTINGS]
    for table, one in SETTINGS:
        if one.default is None:
            assert (tables | arrays)[table].pop(one.name) == one.example != ""
    merged = merge(Settings(), tables, "f.toml")
    assert merged.lines == (LineSettings("door"),)
    (rule,) = merged.rules
    assert (rule.when, rule.do) == ("Smiling > 0.8", "webhook")
    for name in arrays:
        del tables[name]
    assert merge(Settings(), tables, "f.toml") == Settings()


def test_each_says_what_it_means_its_unit_limits_and_default():
    blocks = settings_file(Settings()).split("\n\n")[1:]
    assert len(blocks) == len(SETTINGS)
    for (table, setting), block in zip(SETTINGS, blocks, strict=True):
        block = block.strip().removeprefix(f"[{table}]\n").rpartition(f"#[[{table}]]\n")[2]
        *comments, line = block.splitlines()
        assert line.startswith(f"#{setting.name} = ")
        assert all(len(comment) <= 100 and comment.startswith("# ") for comment in comments[:-1])
        meaning = " ".join(comment.removeprefix("# ") for comment in comments)
        for fact in (setting.help, setting.effects, setting.unit, setting.limits, "default "):
            assert fact in meaning, setting.name


@pytest.mark.parametrize(
    "privacy, file",
    [("counts", "counts.csv"), ("visits", "visits.csv"), ("faces", "faces.csv")],
)
def test_a_service_writes_the_one_file_that_its_level_is_for(privacy, file):
    settings = service_settings(privacy)
    assert settings.privacy == privacy
    outputs = settings.outputs
    files = [outputs.log, outputs.events, outputs.crossings, outputs.record, settings.counts.file]
    assert [str(one) for one in files if one] == [f"/var/lib/facet/{file}"]


def test_a_service_reads_a_camera_and_keeps_a_month_of_anonymous_counts():
    assert SERVICE.outputs.headless and SERVICE.privacy == "counts"
    kept = SERVICE.rotation
    assert (kept.daily, kept.compress, kept.keep_days, kept.sync_s) == (True, True, 30, 5.0)
    assert SERVICE.camera.source == "0"
    assert not SERVICE.people.enabled and SERVICE.people.file.parent == SERVICE.counts.file.parent


def test_the_page_in_docs_is_the_generated_one():
    committed = (ROOT / "docs" / "settings.md").read_text()
    assert committed == markdown(), "python -m device.settings_file --markdown > docs/settings.md"


def test_the_page_has_every_setting_and_every_flag():
    page = markdown()
    for table in TABLES:
        assert f"\n## [{table}]\n" in page
    for name in ARRAYS:
        assert f"\n## [[{name}]]\n" in page
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", page, re.MULTILINE)
    assert [key for key, _ in rows] == [one.name for _, one in SETTINGS]
    assert all(cells.count("|") == 4 for _, cells in rows)
    for flag in flags_of(Settings):
        assert f"`{flag.name}" in page
    assert str(ROOT) not in page and str(Path.home()) + "/" not in page


@pytest.mark.parametrize(
    "flags, expected",
    [
        ([], settings_file(Settings())),
        (["--service"], settings_file(SERVICE)),
        (["--service", "--privacy", "faces"], settings_file(service_settings("faces"))),
        (["--markdown"], markdown()),
    ],
)
def test_the_command_prints_it(capsys, flags, expected):
    main(flags)
    assert capsys.readouterr().out == expected


def test_a_level_without_a_service_is_refused():
    with pytest.raises(UsageError, match="Try: --service --privacy counts"):
        main(["--privacy", "counts"])


def test_the_command_runs_as_a_module():
    command = [sys.executable, "-m", "device.settings_file", "--service"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == settings_file(SERVICE)
