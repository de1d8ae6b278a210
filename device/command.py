"""What every command line of Facet shares: its parser, and how it ends."""

import argparse
import os
import sys
import traceback
from collections.abc import Callable

from device.errors import FacetError, UsageError


class Parser(argparse.ArgumentParser):
    """A parser for one module's command, which shows the module's docstring as its help.

    A wrong flag raises UsageError, where argparse would print the whole usage before its error.
    """

    def __init__(self, module: str, doc: str, **options):
        super().__init__(
            prog=f"python -m {module}",
            description=doc,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            **options,
        )

    def error(self, message: str):
        raise UsageError(message, f"See: {self.prog} --help")


def note(line: str) -> None:
    """Say one line to whoever started the command; stdout is kept for results."""
    if sys.stderr:  # None where the starter closed it
        print(f"facet: {line}", file=sys.stderr, flush=True)


def exit_with(main: Callable[[], int | None]) -> None:
    """Run a command's `main` and leave the process: 0, or the error's code and its one line.

    FACET_DEBUG=1 in the environment shows the traceback of any error.
    """
    try:
        code = main() or 0
        if sys.stdout:
            sys.stdout.flush()
    except FacetError as error:
        _explain()
        note(str(error))
        code = error.exit_code
    except KeyboardInterrupt:
        note("stopped by the user")
        code = 1
    except BrokenPipeError:
        # The reader went away (`| head`): point stdout at nothing, or Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:  # ours: whoever started the command cannot mend it
        _explain()
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        note(f"a fault in Facet itself, please report it ({reason}). FACET_DEBUG=1 shows more")
        code = 1
    sys.exit(code)


def _explain() -> None:
    if os.environ.get("FACET_DEBUG"):
        traceback.print_exc()
