"""What every command line of Facet shares: its parser, and how it ends."""

import argparse
import os
import sys
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


def exit_with(main: Callable[[], int | None]) -> None:
    """Run a command's `main` and leave the process: 0, or the error's code and its one line."""
    try:
        code = main() or 0
        sys.stdout.flush()
    except FacetError as error:
        print(f"facet: {error}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print("facet: stopped by the user", file=sys.stderr)
        code = 1
    except BrokenPipeError:
        # The reader went away (`| head`): point stdout at nothing, or Python complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)
