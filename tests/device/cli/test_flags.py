"""Flags generated from the settings classes."""

import argparse
from pathlib import Path
from typing import Annotated

import pytest

from device.cli.command import Parser
from device.cli.flags import (
    add_config,
    add_flags,
    flag_values,
    flags_of,
    parser,
    read_settings,
    settings_from,
)
from device.config import Table, about, merge, settings_of, tables_of
from device.errors import UsageError
from device.settings import Settings

FLAGS = (
    "camera size fps rotate detector min-face max-turn min-sharpness model attributes threads "
    "people headless log events crossings log-every log-no-face record max-frames recursive repeat "
    "web privacy counts"
)


BOTH = {"show": ("Bald", "Male"), "logged": ("Bald", "Male")}


class Optics(Table, frozen=True):
    zoom: Annotated[float, about("zoom", "x", (1, 8), ("wide", "near"), flag="--zoom X")] = 1.0


class Recipe(Table, frozen=True):
    """A settings class like train's: values beside a table."""

    size_wh: Annotated[tuple[int, int], about("input", "px", flag="--input WxH")] = (128, 160)
    dense: Annotated[tuple[int, ...], about("units", flag="--dense N", nargs="*")] = ()
    fast: Annotated[bool, about("100 % fast", flag="--fast")] = True
    optics: Optics = Optics()


def test_every_flag_of_the_run_command():
    assert {flag.name for flag in flags_of(Settings)} == {f"--{name}" for name in FLAGS.split()}


def solid(text: str) -> str:
    return "".join(text.split())  # argparse wraps lines


def test_help_has_each_flag_with_its_meaning():
    help = solid(parser("About.").format_help())
    for flag in flags_of(Settings):
        metavar = f"[{flag.first.metavar}]" if flag.first.alone else flag.first.metavar
        assert solid(f"{flag.name} {metavar}") in help and solid(flag.help) in help
    for flag in ("--list-cameras", "--version", "--config FILE"):
        assert solid(flag) in help


@pytest.mark.parametrize(
    "name, end",
    [
        ("--size", "needs more CPU time (px, 16 to 16384, default 640x480)"),
        ("--min-face", "higher: more faces without labels (px, 0 to 16384, default 24)"),
        ("--detector", "(default back)"),
        ("--attributes", "all, or names (default observable)"),
        ("--model", "(default models/attributes.json)"),
        ("--headless", "no window (default off)"),
        ("--log", "text only"),
        ("--web", "(alone 127.0.0.1:8420)"),
    ],
)
def test_a_flags_help_ends_with_unit_limits_and_default(name, end):
    (flag,) = (flag for flag in flags_of(Settings) if flag.name == name)
    assert flag.help.endswith(end)


def test_no_flag_gives_the_defaults():
    assert read_settings([]) == Settings()


@pytest.mark.parametrize(
    "words, table, expected",
    [
        ("--camera 1", "camera", {"source": "1"}),
        ("--size 1280x720", "camera", {"width": 1280, "height": 720}),
        ("--fps 5", "camera", {"fps": 5}),
        ("--detector full", "faces", {"detector": "full"}),
        ("--min-face 50", "faces", {"min_face": 50.0}),
        ("--max-turn .5", "faces", {"max_turn": 0.5}),
        ("--min-sharpness 0", "faces", {"min_sharpness": 0.0}),
        ("--model a.json", "attributes", {"model": Path("a.json")}),
        (
            "--attributes Bald,Male,",
            "attributes",
            BOTH,
        ),
        ("--attributes all", "attributes", {"show": ("all",), "logged": ("all",)}),
        ("--threads 2", "runtime", {"threads": 2}),
        ("--people", "people", {"enabled": True}),
        ("--headless", "outputs", {"headless": True}),
        ("--no-headless", "outputs", {"headless": False}),
        ("--log a.csv", "outputs", {"log": Path("a.csv")}),
        ("--events v.csv", "outputs", {"events": Path("v.csv")}),
        ("--crossings c.csv", "outputs", {"crossings": Path("c.csv")}),
        ("--log-every 0", "outputs", {"log_every": 0.0}),
        ("--record f.mp4", "outputs", {"record": Path("f.mp4")}),
        ("--max-frames 9", "outputs", {"max_frames": 9}),
    ],
)
def test_a_flag_sets_its_settings(words, table, expected):
    assert read_settings(words.split()) == merge(Settings(), {table: expected}, "expected")


@pytest.mark.parametrize(
    "words, message",
    [
        ("--min-face=-1", "--min-face -1.0, need 0 to 16384"),
        ("--min-face=nan", "--min-face nan, need 0 to 16384. Try: --min-face 24"),
        ("--size 640x9", "--size 9, need 16 to 16384. Try: --size 640x480"),
        ("--detector bakc", "--detector 'bakc' is unknown. Try: back"),
        (
            "--size 640",
            "--size: expected WxH, such as 1280x720, not '640'. Try: ",
        ),
        ("--max-frames many", "--max-frames 'many', need a whole number. Try: --max-frames N"),
        (
            "--attributes ,",
            "--attributes: ',' names none. Try: --attributes A,B,..",
        ),
        ("--cammera 0", "unknown flag --cammera. Try: --camera"),
        ("--zoom 2", "unknown flag --zoom. Try: python -m device.run --help"),
        ("--log ~nosuchuser/a.csv", "--log '~nosuchuser/a.csv', need a path"),
    ],
)
def test_a_wrong_flag_is_one_line_that_names_it(words, message):
    with pytest.raises(UsageError) as error:
        read_settings(words.split())
    assert str(error.value).startswith(message)


def test_a_flag_overrides_the_file_which_overrides_the_defaults(tmp_path):
    file = tmp_path / "facet.toml"
    file.write_text(
        '[faces]\ndetector = "full"\nmin_face = 40\n[camera]\nsource = 1\n'
        '[attributes]\nlogged = ["Male"]\n[outputs]\nheadless = true\n'
    )
    words = ["--min-face", "50", "--attributes", "Bald", "--no-headless"]
    got = read_settings(["--config", str(file), *words])
    assert (got.faces.detector, got.faces.min_face, got.camera.source) == ("full", 50.0, "1")
    assert got.attributes.show == got.attributes.logged == ("Bald",)
    assert got.outputs == Settings().outputs


def test_another_command_takes_some_flags_and_the_settings_file(tmp_path):
    file = tmp_path / "facet.toml"
    file.write_text("[faces]\nmin_face = 40\n")
    command = Parser("device.emoji", "About.")
    command.add_argument("--size", type=int, default=512)
    add_config(command)
    only = ("--camera", "--model")
    add_flags(command, Settings, only)
    given = command.parse_args(["--config", str(file), "--camera", "demo"])
    assert not hasattr(given, "model")
    settings = settings_from(given, only)  # --size is the command's own
    assert (settings.camera.source, settings.faces.min_face) == ("demo", 40.0)
    with pytest.raises(UsageError, match="unknown flag --threads"):
        command.parse_args(["--threads", "2"])


def test_flags_of_any_settings_class():
    command = argparse.ArgumentParser()
    add_flags(command, Recipe)
    words = "--input 64x96 --dense 32 16 --no-fast --zoom 2"
    values = flag_values(Recipe, command.parse_args(words.split()))
    expected = {"size_wh": (64, 96), "dense": (32, 16), "fast": False, "optics": {"zoom": 2.0}}
    assert values == expected
    assert merge(Recipe(), values, "flags") == Recipe((64, 96), (32, 16), False, Optics(2.0))
    assert flag_values(Recipe, command.parse_args([])) == {}
    help = command.format_help()
    assert "zoom; lower: wide; higher: near (x, 1 to 8, default 1)" in help
    assert "100 % fast (default on)" in help and "(px, default 128x160)" in help
    assert list(settings_of(Recipe)) == ["size_wh", "dense", "fast"]
    assert tables_of(Recipe) == {"optics": Optics}
