"""Command lines: flags in full, numbers in ASCII digits, one line for any mistake."""

from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.cli.command import Parser, SubcommandParser, count, exit_with
from device.errors import UsageError

COMMANDS = (
    *("device.run", "device.cli.cameras", "device.cli.doctor", "device.cli.settings_file"),
    *("device.cli.people", "device.cli.emoji", "device.cli.bench"),
    *("train.celeba", "train.recipe", "train.own_photos"),
)


def made_up() -> Parser:
    top = Parser("device.made_up", "About.")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", parser_class=SubcommandParser)
    add = verbs.add_parser("add").add_argument
    add("name", metavar="NAME")
    add("--size", type=int, metavar="PX")
    add("--limit", type=count, metavar="N")
    add("--ratio", type=float, metavar="X")
    add("--out", type=Path, metavar="FILE")
    add("--fast", action="store_true")
    verbs.add_parser("list").add_argument("--long", action="store_true")
    return top


@pytest.mark.parametrize(
    "words, message",
    [
        (["--lnog", "list"], "unknown flag --lnog. Try: --long"),
        (["add", "--sise", "1"], "unknown flag --sise. Try: --size"),
        (["add", "--siz=1"], "unknown flag --siz. Try: --size"),
        (["add", "--zzz"], "unknown flag --zzz. Try: python -m device.made_up --help"),
        (["list", "--fast"], "unknown flag --fast. Try: python -m device.made_up list --help"),
        (["add", "-x", "A"], "unknown flag -x. Try: python -m device.made_up --help"),
        (["lst"], "unknown 'lst'. Try: list"),
        (["add"], "the following arguments are required: NAME. Try: "),
        (["add", "A", "--size"], "--size needs a value. Try: --size PX"),
        (["add", "A", "--size", "--fast"], "--size needs a value. Try: --size PX"),
        (["add", "A", "--size", ""], "--size '', need a whole number. Try: --size PX"),
        (["add", "A", "--size", "1_0"], "--size '1_0', need a whole number"),
        (["add", "A", "--size", "\u0663"], "--size '\u0663', need a whole number"),
        (["add", "A", "--size", "1e3"], "--size '1e3', need a whole number"),
        (["add", "A", "--size", "9" * 5000], "--size '999"),
        (["add", "A", "--limit", "-1"], "--limit '-1', need a whole number, 0 or more"),
        (["add", "A", "--ratio", "half"], "--ratio 'half', need a number. Try: --ratio X"),
        (["add", "A", "--ratio", "\uff11"], "--ratio '\uff11', need a number"),
        (["add", "A", "--out", ""], "--out '', need a path. Try: --out FILE"),
        (["add", "A", "--fast=yes"], "--fast takes no value, got 'yes'. Try: --fast"),
        (["add", "A", "b"], "unrecognized arguments: b. Try: "),
    ],
)
def test_a_mistake_is_one_line_with_the_nearest_name(words, message):
    with pytest.raises(UsageError) as raised:
        made_up().parse_args(words)
    assert str(raised.value).startswith(message)
    assert len(str(raised.value)) < 200


def test_values_that_look_like_flags():
    given = made_up().parse_args(["add", "--size", "-5", "--ratio", "-.5", "--", "--name"])
    assert (given.size, given.ratio, given.name) == (-5, -0.5, "--name")
    assert made_up().parse_args(["add", "A", "--size=7", "--size", "8"]).size == 8  # the last one


def test_a_file_whose_name_begins_with_a_dash(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("-a.mp4", "--long.mp4", "--fast"):
        Path(name).touch()
    for name in ("-a.mp4", "--long.mp4"):
        assert made_up().parse_args(["add", "A", "--out", name]).out == Path(name)
        assert made_up().parse_args(["add", "--out", "x", "--", name]).name == name
        with pytest.raises(UsageError, match=f"unknown flag {name}. Try: ./{name}"):
            made_up().parse_args(["add", name])
    with pytest.raises(UsageError, match="--out needs a value"):  # a flag stays one
        made_up().parse_args(["add", "A", "--out", "--fast"])
    with pytest.raises(UsageError, match=r"unknown flag -b\.mp4"):
        made_up().parse_args(["add", "A", "--out", "-b.mp4"])


@pytest.mark.parametrize(
    "error, message",
    [
        (MemoryError(), "not enough memory"),
        (ImportError("libblas.so: failed to map segment from shared object"), "not enough memory"),
        (OSError(12, "Cannot allocate memory"), "not enough memory"),
        (RuntimeError("error: (-4:Insufficient memory) Failed to allocate"), "not enough memory"),
        (RuntimeError("can't start new thread"), "the system allows no more threads"),
    ],
)
def test_a_lack_of_memory_or_threads_is_no_internal_error(error, message, capsys):
    def fail():
        raise error

    with pytest.raises(SystemExit) as ended:
        exit_with(fail)
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 1 and line.startswith(f"facet: {message}. Try: ")


@pytest.mark.parametrize("module", COMMANDS)
def test_every_command_names_a_misspelt_flag_before_what_is_missing(module):
    with pytest.raises(UsageError, match=r"unknown flag --hepl. Try: --help"):
        import_module(module).main(["--hepl"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["add", "list", "--size", "-", "--", "-9"]) | st.text(max_size=6)))
def test_any_words_are_parsed_or_a_usage_error(words):
    if {"-h", "--help"} & set(words):
        return
    try:
        made_up().parse_args(words)
    except UsageError as error:
        assert error.message and error.hint and "\n" not in str(error)
