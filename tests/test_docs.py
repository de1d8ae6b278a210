"""README and docs/ are true: links resolve, figures are the cards', command lines parse."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from device.config import arrays_of, settings_of, tables_of
from device.settings import Settings
from tests.conftest import ROOT, make_once

README = ROOT / "README.md"
PAGES = sorted([README, *(ROOT / "docs").rglob("*.md")])
MODELS_PAGES = (README, ROOT / "docs" / "models.md")  # both hold the table of the models
CARDS = sorted((ROOT / "models").glob("*.json"))
FIGURES = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "mean_auc",
    "smiling_accuracy",
    "calibration_error",
)
PYTHON = re.compile(r"(?:\S+/)?python -m ([\w.]+) ?(.*)")
STARTS = re.compile(r"(?:\w+=\S+ |sudo )*((?:\S*\.venv/bin/)?python -m |facet [a-z]|make [a-z])")
PAGE_IDS = {"ids": lambda path: str(path.relative_to(ROOT))}


def links(text: str) -> list[str]:
    """Return the targets of all links and pictures that are no addresses."""
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", text))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings, as GitHub and mkdocs make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(text: str) -> list[str]:
    """Return the command lines of code blocks and of `code` in sentences, without their comments.

    A block is indented or fenced; a backslash at the end of a line continues it.
    """
    text = re.sub(r" *\\\n\s*", " ", text)
    lines, fenced = [], False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            lines += line.strip().split("; ")
        else:
            lines += re.findall(r"`([^`]+)`", line)
    return [re.sub(r"\s+#\s.*", "", line) for line in lines if STARTS.match(line)]


# One process asks all commands for their help: many of them load TensorFlow, which takes 3 s.
ASK = """
import contextlib, io, json, runpy, sys
answers = []
for module, *words in json.load(sys.stdin):
    out, sys.argv = io.StringIO(), [module, *words, "--help"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            code = 0
        except SystemExit as end:
            code = end.code or 0
        except Exception as error:
            code = repr(error)
    answers.append([code, out.getvalue()])
print(json.dumps(answers))
"""


def ask_for_help(file: Path) -> None:
    """Write the exit code and text of --help, for each command and its first one and two words."""
    calls = {("device.run",)}
    for line, _ in PYTHONS:
        module, words = called(line)
        if is_module(module):
            calls |= {(module,), (module, *words[:1]), (module, *words[:2])}
    calls = sorted(call for call in calls if not any(word.startswith("-") for word in call))
    process = [sys.executable, "-c", ASK]
    done = subprocess.run(
        process, cwd=ROOT, input=json.dumps(calls), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-300:]
    answers = json.loads(done.stdout.splitlines()[-1])
    file.write_text(json.dumps(list(zip(calls, answers, strict=True))))


@pytest.fixture(scope="session")
def help_of(tmp_path_factory) -> Callable[..., str]:
    """Return a function that returns what a command prints for --help."""
    file = make_once(tmp_path_factory, "help.json", ask_for_help)
    texts = {tuple(call): answer for call, answer in json.loads(file.read_text())}

    def text_of(*call: str) -> str:
        code, text = texts[call]
        assert code == 0, f"python -m {' '.join(call)} --help: {code} {text[-300:]}"
        return text

    return text_of


def subcommands(usage: str) -> set[str]:
    """Return the subcommands of a usage message such as `... {add,list} ...` or `add|list ...`."""
    flat = " ".join(usage.split("\n\n")[0].split())
    found = re.search(r"(?:\{([\w,-]+)\}|((?:[\w-]+\|)+[\w-]+)) \.\.\.", flat)
    return set(re.split(r"[,|]", found[1] or found[2])) if found else set()


def arguments(rest: str) -> list[str]:
    """Return a command's words up to a comment, a pipe or another command."""
    words = shlex.split(rest, comments=True)
    ends = [n for n, word in enumerate(words) if word in (">", "|", "&&", ";", "2>&1")]
    return words[: ends[0]] if ends else words


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__main__.py").exists()


def called(line: str) -> tuple[str, list[str]]:
    """Return a command line's module and its words; `facet run` is `python -m device run`."""
    found = PYTHON.search(line)
    module, rest = found.groups() if found else ("device", line.removeprefix("facet "))
    return module, arguments(rest)


COMMANDS = sorted({(line, path) for path in PAGES for line in commands(path.read_text())})
MAKE = [(line, path) for line, path in COMMANDS if re.match(r"(?:sudo )?(?:\w+=\S+ )*make ", line)]
PYTHONS = [pair for pair in COMMANDS if pair not in MAKE]


def test_command_lines_are_found():
    block = "    KERAS=jax python -m a.b --c \\\n        --d 1  # why\n    facet: 3 faces\n"
    assert commands(f"`make run`\n\n{block}") == ["make run", "KERAS=jax python -m a.b --c --d 1"]
    assert arguments("x --out 'a b' > file.txt") == ["x", "--out", "a b"]
    assert subcommands("usage: p [-h] {a,b-c} ...\n\n{d} ...") == {"a", "b-c"}
    assert subcommands("usage: p [-h] add|list ...") == {"add", "list"}
    assert subcommands("usage: p [--split {a,b}]") == set()


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, **PAGE_IDS)
def test_links_lead_somewhere(page):
    text = page.read_text()
    for target in links(text):
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), target
        if anchor and path.suffix == ".md":
            text = path.read_text()
            documented = re.findall(r"^::: (\S+)", text, re.MULTILINE)  # by mkdocstrings
            assert anchor in anchors(text) | set(documented), target


@pytest.mark.parametrize("page", PAGES, **PAGE_IDS)
def test_marks_are_closed_and_filled(page):
    text = page.read_text()
    opened = re.findall(r"^<!-- (\w+) -->$", text, re.MULTILINE)
    assert len(set(opened)) == len(opened)
    for mark in opened:
        found = re.search(rf"<!-- {mark} -->\n(.*?)<!-- (?:/|end of ){mark} -->", text, re.DOTALL)
        assert found and found[1].strip(), mark


@pytest.mark.parametrize("page", MODELS_PAGES, **PAGE_IDS)
@pytest.mark.parametrize("card", CARDS, ids=lambda path: path.stem)
def test_every_committed_model_has_its_row(card, page):
    measured = json.loads(card.read_text())["measured"]
    (row,) = re.findall(rf"^\| `{card.stem}` \|(.*\|.*)\|$", tables_of_models(page), re.MULTILINE)
    cells = [cell.strip() for cell in row.split("|")]
    expected = [f"{measured['test']['int8'][figure]:.3f}" for figure in FIGURES]
    work = f"{measured['multiply_adds'] / 1e6:.0f} M"
    assert cells[:-1] == [*expected, work, f"{measured['bytes'] / 1e6:.2f} MB"]
    assert float(cells[-1]) > 0  # milliseconds are those of one machine


def tables_of_models(page: Path) -> str:
    return page.read_text().split("<!-- models -->")[1].split("<!-- /models -->")[0]


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_a_model_is_as_large_as_its_card_says(path):
    record = json.loads(path.read_text())
    assert (path.parent / record["file"]).stat().st_size == record["measured"]["bytes"]


@pytest.mark.parametrize("line, page", MAKE, ids=[line for line, _ in MAKE])
def test_make_has_the_target(line, page):
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    words = shlex.split(line.partition("make ")[2], comments=True)
    assert {word for word in words if "=" not in word} <= set(targets), page


@pytest.mark.parametrize("line, page", PYTHONS, ids=[line for line, _ in PYTHONS])
def test_the_command_takes_these_flags(help_of, line, page):
    module, words = called(line)
    assert is_module(module), f"{page}: no module {module}"
    usage = help_of(module)
    if words and not words[0].startswith("-"):
        assert "positional arguments:" in usage, f"{page}: {module} takes no {words[0]}"
        if known := subcommands(usage):
            assert words[0] in known, f"{page}: {module} has {known}"
        if known or " COMMAND ..." in usage:
            usage = help_of(module, words[0])
        if len(words) > 1 and words[1] in subcommands(usage):
            usage = help_of(module, *words[:2])
    for word in words:
        flag = word.partition("=")[0]
        if flag.startswith("--"):
            assert re.search(rf"(?<![\w-]){flag}(?![\w-])", usage), f"{page}: no {flag}"


def test_every_flag_of_device_run_is_documented(help_of):
    text = "".join(page.read_text() for page in PAGES)
    flags = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", help_of("device.run")))
    assert len(flags) > 15
    missing = [flag for flag in flags if not re.search(rf"(?<![\w-]){flag}(?![\w-])", text)]
    assert sorted(missing) == []


def test_every_setting_is_documented():
    text = "".join(page.read_text() for page in PAGES)
    names = {
        f"[{table}] {key}": key
        for table, part in (tables_of(Settings) | arrays_of(Settings)).items()
        for key in settings_of(part)
    }
    assert len(names) > 30
    assert [name for name, key in names.items() if not re.search(rf"\b{key}\b", text)] == []
