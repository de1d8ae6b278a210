"""What every command line of Facet shares: its parser, its messages, and how it ends."""

import argparse
import contextlib
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import TextIO

from ..errors import FacetError, Stopped, UsageError, one_line
from ..log import log
from ..text import printable

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


class SubcommandParser(argparse.ArgumentParser):
    """A parser whose errors are UsageErrors; argparse would print the whole usage before them."""

    def error(self, message: str):
        raise UsageError(message, self._nearest_flag(message) or f"{self.prog} --help")

    def _nearest_flag(self, message: str) -> str:
        """Return the flag that a misspelt one resembles; "" for any other message."""
        misspelt = re.match(r"unrecognized arguments: (--[^\s=]+)", message)
        flags = [flag for flag in self._option_string_actions if flag.startswith("--")]
        close = get_close_matches(misspelt[1], flags, 1, 0.75) if misspelt else []
        return close[0] if close else ""


class Parser(SubcommandParser):
    """A parser for one module's command, which shows the module's docstring as its help."""

    def __init__(self, module: str, doc: str, **options):
        super().__init__(
            prog=spelled(f"python -m {module}"),
            description=spelled(doc),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            **options,
        )


class StderrHandler(logging.Handler):
    """Prints "facet: MESSAGE" to stderr; stdout is kept for results."""

    def emit(self, record: logging.LogRecord) -> None:
        # Nobody may read it any more, or its disk is full: the work goes on, and the next line is
        # tried again. sys.stderr is None where the starter closed it.
        text = printable(spelled(_without_secrets(record.getMessage())))
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
    log_to_stderr()
    try:
        code = main() or 0
        if sys.stdout:
            sys.stdout.flush()
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
    except BrokenPipeError:
        # The reader went away (`| head`): point stdout at nothing, or Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:
        _show_traceback()
        reason = one_line(f"{type(error).__name__}: {error}", 300)
        log.error("internal error, please report it (%s). Try: FACET_DEBUG=1 for details", reason)
        code = 1
    _drop_unwritable(sys.stderr)
    sys.exit(code)


def _drop_unwritable(stream: TextIO | None) -> None:
    """Point a stream that cannot be written at nothing; Python would exit with 120 for it."""
    if stream is None:
        return
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _show_traceback() -> None:
    if os.environ.get("FACET_DEBUG"):
        with contextlib.suppress(OSError, ValueError):
            print(_without_secrets(traceback.format_exc()), file=sys.stderr)
