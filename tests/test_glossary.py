"""The code uses the words of docs/glossary.md: no retired name is left in device/ or train/."""

import re

import pytest

from tests.conftest import ROOT

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
PACKAGES = ("device", "train")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its head."""
    section = GLOSSARY.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


RETIRED = [cells[0].strip("`") for cells in rows("Retired names")]
PATHS = [name for name in RETIRED if "/" in name or name.endswith(".py")]
WORDS = [name for name in RETIRED if name not in PATHS]


def source_lines() -> list[tuple[str, str]]:
    """Return every line of the packages, each with its place."""
    return [
        (f"{path.relative_to(ROOT)}:{number}", line)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
    ]


LINES = source_lines()
TEXT = "\n".join(line for _, line in LINES)


def test_the_tables_are_read():
    assert "Teller" in WORDS and "attributes/teller.py" in PATHS
    assert all(len(cells) == 3 and all(cells) for cells in rows("Terms"))
    assert len(set(RETIRED)) == len(RETIRED)


@pytest.mark.parametrize("name", WORDS)
def test_no_retired_word_is_used(name):
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    lines = LINES if name in TEXT else []  # most are nowhere, which is known at once
    found = [f"{place}: {line.strip()}" for place, line in lines if word.search(line)]
    assert not found, f"{len(found)} lines, such as " + "; ".join(found[:3])


@pytest.mark.parametrize("name", PATHS)
def test_no_retired_file_is_there(name):
    assert not [package for package in PACKAGES if (ROOT / package / name).exists()]


def test_every_file_that_a_term_names_is_there():
    places = [place for _, _, cell in rows("Terms") for place in re.findall(r"`([^`]+)`", cell)]
    assert [place for place in places if not list(ROOT.glob(place))] == []
