"""Make the password of the web page: prints the line for [web] in the settings file.

    python -m device.web password                # asks twice
    echo PASSWORD | python -m device.web password

The line has a hash (scrypt), from which nobody can read the password. After a change, restart
Facet: browsers that were signed in must sign in again.

Exit codes: 0 done, 2 the password is too short, or was typed differently.
"""

import getpass
import sys

from ..errors import UsageError
from ..web.password import hash_password
from .command import Parser, SubcommandParser, exit_with, spelled


def parser() -> Parser:
    top = Parser("device.web", __doc__ or "")
    verbs = top.add_subparsers(
        dest="verb", metavar="password", required=True, parser_class=SubcommandParser
    )
    verbs.add_parser("password", help="print the settings' line for a password")
    return top


def main(argv: list[str] | None = None) -> int:
    parser().parse_args(argv)
    line = hash_password(_typed())
    print(spelled("# made by python -m device.web password"), f'password = "{line}"', sep="\n")
    return 0


def _typed() -> str:
    """Return the password from the terminal, twice and not shown, or from a pipe's first line."""
    if not (sys.stdin and sys.stdin.isatty()):
        return sys.stdin.readline().rstrip("\r\n") if sys.stdin else ""
    try:
        first, second = (getpass.getpass(text) for text in ("Password: ", "Again: "))
    except EOFError:
        raise UsageError("no password was typed", "python -m device.web password") from None
    if first != second:
        raise UsageError("the two passwords differ", "python -m device.web password")
    return first


if __name__ == "__main__":
    exit_with(main)
