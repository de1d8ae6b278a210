"""What every command line of Facet shares: its parser, its messages, and how it ends."""

import argparse
import contextlib
import logging
import os
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..errors import FacetError, Stopped, UsageError, nearest, one_line, os_reason
from ..log import log
from ..text import path_from_here, printable
from .streams import drop_unwritable, prepare_streams, stdout_fault

PACKAGE = __package__.partition(".")[0]  # device in a checkout, facet in the wheel


def spelled(text: str, package: str = PACKAGE) -> str:
    """Return a text whose commands are spelled as this installation has them.

    In a wheel "python -m device.run" is "facet run".
    """
    if package == "device":
        return text
    return re.sub(r"python -m device\b[. ]?", f"{package} ", text).replace(
        "settings_file", "settings"
    )


def pasteable(text: str, packages: str = "device|train") -> str:
    """Return a text whose commands start the Python that runs, from a shell in this directory.

    "python -m train.fit" is ".venv/bin/python -m train.fit" while the environment is not active,
    and "pip install" is ".venv/bin/python -m pip install".
    """
    pip = "(?=pip (?:install|download|uninstall) )"
    start = rf"(?<![\w./])(?:python -m (?=(?:{packages})\.)|{pip})"
    if (python := _python()) == "python":
        return text
    return re.sub(start, lambda _: f"{python} -m ", text)


def _python() -> str:
    """Return this Python as a shell in the working directory calls it."""
    found, own = shutil.which("python") or "", sys.executable or "python"
    # Outside a virtual environment, python and python3 are one; inside, its links lead outside.
    outside = sys.prefix == sys.base_prefix and os.path.realpath(found) == os.path.realpath(own)
    return "python" if outside or own in ("python", found) else path_from_here(Path(own))


def whole_number(text: str) -> int:
    """Return the number that a flag's text is, in ASCII digits; ValueError for any other."""
    if not re.fullmatch(r"[-+]?[0-9]{1,400}", text):
        raise ValueError(text)
    return int(text)


def count(text: str) -> int:
    """Return the number that a flag's text is, 0 or more; ValueError for any other."""
    if not re.fullmatch(r"[0-9]{1,400}", text):
        raise ValueError(text)
    return int(text)


def number(text: str) -> float:
    """Return the number that a flag's text is, in ASCII, also nan or inf; ValueError likewise."""
    if not text.isascii() or "_" in text:
        raise ValueError(text)
    return float(text)


def path(text: str) -> Path:
    """Return the path that a flag's text is; ValueError for an empty one."""
    if not text:
        raise ValueError(text)
    return Path(text)


TYPES: dict[type, Callable[[str], Any]] = {int: whole_number, float: number, Path: path}
NEEDED = {
    "int": "a whole number",
    "count": "a whole number, 0 or more",
    "float": "a number",
    "Path": "a path",
}


class SubcommandParser(argparse.ArgumentParser):
    """A parser whose errors are UsageErrors; argparse would print the whole usage before them.

    Flags are spelled in full, numbers in ASCII digits; a path has at least one character.
    """

    def __init__(self, **options: Any):
        super().__init__(**{"allow_abbrev": False} | options)
        for kind, convert in TYPES.items():
            self.register("type", kind, convert)

    def parse_known_args(self, args=None, namespace=None):
        # Before argparse, which names what is missing or out of place instead of what is misspelt.
        known = self._flags()
        words = _with_files(list(sys.argv[1:] if args is None else args), known)
        for word in words[: words.index("--")] if "--" in words else words:
            name = _flag_of(word)
            if name and name not in known:
                hint = f"./{word}" if os.path.lexists(word) else self._hint(name, known)
                raise UsageError(f"unknown flag {name}", hint)
        return super().parse_known_args(words, namespace)

    def error(self, message: str):
        text, hint = self._explained(message)
        raise UsageError(text, hint)

    def _flags(self) -> dict[str, argparse.Action]:
        """Return this parser's flags and those of its subcommands."""
        flags = dict(self._option_string_actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for parser in action.choices.values():
                    flags |= parser._flags() if isinstance(parser, SubcommandParser) else {}
        return flags

    def _hint(self, word: str, known: Iterable[str]) -> str:
        close = get_close_matches(word, list(known), 1, 0.7)
        return close[0] if close else f"{self.prog} --help"

    def _explained(self, message: str) -> tuple[str, str]:
        """Return argparse's message in Facet's words, and the hint."""
        if found := re.fullmatch(r"argument (\S+): invalid (\w+) value: (.*)", message, re.DOTALL):
            flag, kind, value = found.groups()
            if kind in NEEDED:
                return f"{flag} {one_line(value, 80)}, need {NEEDED[kind]}", self._usage_of(flag)
        if found := re.fullmatch(r"argument (\S+): expected .* arguments?", message):
            return f"{found[1]} needs a value", self._usage_of(found[1])
        if found := re.match(r"argument (\S+): ignored explicit argument (.*)", message, re.DOTALL):
            return f"{found[1]} takes no value, got {found[2]}", found[1].partition("/")[0]
        choice = r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)"
        if found := re.fullmatch(choice, message, re.DOTALL):
            names = [name.strip("' ") for name in found[3].split(",")]
            return f"unknown {one_line(repr(found[2]), 80)}", nearest(found[2], names)
        if found := re.fullmatch(r"argument (-\S+): (.*)", message, re.DOTALL):
            return f"{found[1]}: {one_line(found[2])}", self._usage_of(found[1])
        return message, f"{self.prog} --help"

    def _usage_of(self, flag: str) -> str:
        """Return a flag with what it takes: "--faces K"."""
        action = self._option_string_actions.get(flag.partition("/")[0])
        if action is None or not action.metavar:
            return f"{self.prog} --help"
        return f"{flag} {action.metavar}"


def _with_files(words: list[str], flags: Mapping[str, argparse.Action]) -> list[str]:
    """Return the words of a command line, each file "-a.mp4" joined to its flag: "--camera=-a.mp4".

    argparse takes such a value for a flag.
    """
    joined: list[str] = []
    for word in words:
        flag = flags.get(joined[-1]) if joined and "--" not in joined else None
        is_file = bool(_flag_of(word)) and word not in flags and os.path.lexists(word)
        if flag is not None and flag.nargs is None and is_file:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _flag_of(word: str) -> str:
    """Return the flag in a word of a command line: --size of --size=1; "" for a value."""
    name = word.partition("=")[0]
    is_value = not name.startswith("-") or name in ("-", "--") or " " in name
    return "" if is_value or re.fullmatch(r"-\.?\d.*", name) else name


class Parser(SubcommandParser):
    """A parser for one module's command, which shows the module's docstring as its help."""

    def __init__(self, module: str, doc: str, **options):
        super().__init__(
            prog=spelled(f"python -m {module}"),
            description=spelled(doc),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **options,
        )


class StderrHandler(logging.Handler):
    """Prints "facet: MESSAGE" to stderr; stdout is kept for results."""

    def emit(self, record: logging.LogRecord) -> None:
        # Nobody may read it any more, or its disk is full: the work goes on, and the next line is
        # tried again. sys.stderr is None where the starter closed it.
        text = printable(pasteable(spelled(_without_secrets(record.getMessage())), "train"))
        with contextlib.suppress(OSError, ValueError):
            if sys.stderr:
                print(f"facet: {text}", file=sys.stderr, flush=True)


def _without_secrets(message: str) -> str:
    """Return a message whose cameras' addresses show no password, as one in a mistyped flag would.

    Messages about cameras have none already.
    """
    if ":/" not in message and "@" not in message:
        return message
    from ..camera.address import mask_addresses

    return mask_addresses(message)


def log_to_stderr() -> None:
    """Show Facet's log on stderr, a line for each message."""
    if not any(isinstance(handler, StderrHandler) for handler in log.handlers):
        log.addHandler(StderrHandler())
    log.setLevel(logging.INFO)
    log.propagate = False


UMASKS = {"owner": 0o077, "group": 0o027, "everyone": 0o022}  # [outputs] readable_by


@contextlib.contextmanager
def readable_by(who: str) -> Iterator[None]:
    """Give the files and folders that are made within to their owner, the group or everyone.

    The process's own mask may take more away, and holds again afterwards.
    """
    before = os.umask(0o077)
    os.umask(before | UMASKS[who])
    try:
        yield
    finally:
        os.umask(before)


def exit_with(main: Callable[[], int | None]) -> None:
    """Run a command's `main` and leave the process: 0, or the error's code and its one line.

    FACET_DEBUG=1 in the environment shows the traceback of any error.
    """
    prepare_streams()
    log_to_stderr()
    try:
        code = _code_of(main)
    except Stopped as stopped:
        log.info("%s", stopped)
        code = stopped.exit_code
    except FacetError as error:
        _show_traceback()
        log.error("%s", error)
        code = error.exit_code
    except KeyboardInterrupt:
        log.info("stopped by the user")
        code = 1
    except Exception as error:
        code = 1
        if scarce := _scarce(error):
            _show_traceback()
            log.error(scarce)
        elif not (isinstance(error, OSError) and stdout_fault()):
            _report_internal(error)
    if fault := stdout_fault():
        code = code or 1
        if not isinstance(fault, BrokenPipeError):  # else the reader went away (`| head`)
            hint = "free the disk, or another place for the output"
            log.error("cannot write to stdout: %s. Try: %s", os_reason(fault), hint)
    drop_unwritable(sys.stdout)
    drop_unwritable(sys.stderr)
    _ignore_handled_signals()
    sys.exit(code)


def _ignore_handled_signals() -> None:
    """Ignore the signals that ended the work: Python dies of another one while it ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        handler = signal.getsignal(number)
        if callable(handler) and handler is not signal.default_int_handler:
            signal.signal(number, signal.SIG_IGN)


def _code_of(main: Callable[[], int | None]) -> int:
    try:
        return main() or 0
    except SystemExit as end:  # argparse's, after --help
        if isinstance(end.code, str):
            raise
        return end.code or 0


def _scarce(error: Exception) -> str:
    """Return the line for an error of Python, OpenCV or a library's loader that lacks resources.

    "" for other errors.
    """
    if "can't start new thread" in str(error):
        return "the system allows no more threads. Try: end other programs, or a higher ulimit -u"
    words = ("failed to map segment", "Insufficient memory", "annot allocate memory")
    if isinstance(error, MemoryError) or any(word in str(error) for word in words):
        return "not enough memory. Try: end other programs, or a higher ulimit -v"
    return ""


def _report_internal(error: Exception) -> None:
    _show_traceback()
    reason = one_line(f"{type(error).__name__}: {error}", 300)
    log.error("internal error, please report it (%s). Try: FACET_DEBUG=1 for details", reason)


def _show_traceback() -> None:
    if os.environ.get("FACET_DEBUG"):
        with contextlib.suppress(OSError, ValueError):
            print(_without_secrets(traceback.format_exc()), file=sys.stderr)
