"""Text for a terminal."""

import io
import logging
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.cli.command import StderrHandler
from device.errors import UsageError
from device.text import named_folder, printable


@pytest.mark.parametrize(
    "text, shown",
    [
        ("photo 1.jpg", "photo 1.jpg"),
        ("Zoë 写真 👩‍🚀.jpg", "Zoë 写真 👩‍🚀.jpg"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nfacet: all is well", r"a\nfacet: all is well"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("\x9b31m\x07\x7f", r"\x9b31m\x07\x7f"),
        ("\udcff.jpg", r"\udcff.jpg"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_as_text(text, shown):
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_any_text_can_be_printed_on_one_line(text):
    shown = printable(text)
    shown.encode()
    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in shown)


def test_messages_are_printable(monkeypatch):
    stderr = io.StringIO()
    monkeypatch.setattr("sys.stderr", stderr)
    StderrHandler().emit(logging.makeLogRecord({"msg": "skipped: \x1b]0;title\x07\udc80\n.jpg"}))
    assert stderr.getvalue() == "facet: skipped: \\x1b]0;title\\x07\\udc80\\n.jpg\n"


def test_a_message_ends_with_one_full_stop():
    assert str(UsageError("no rows", "name a file")) == "no rows. Try: name a file"
    assert str(UsageError("The server refuses.", "ask it")) == "The server refuses. Try: ask it"


@pytest.mark.parametrize("folder, words", [(".", "this folder"), ("logs", "logs"), ("..", "..")])
def test_the_folder_where_one_is_has_a_name(folder, words):
    assert named_folder(folder) == words
