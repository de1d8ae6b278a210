"""Find faces in live video and classify their attributes.

    python -m device run --camera 0          # show a camera's faces and attributes; q quits
    python -m device run --camera film.mp4 --headless --log faces.csv
    python -m device list                    # the cameras that are plugged in
    python -m device run --help              # every flag of a command

Exit codes: 0 done, 1 a fault at run time, 2 wrong usage or settings, 3 no camera or unreadable
source, 4 model or detector missing, corrupt or mismatched.
"""

import argparse
import sys
from collections.abc import Callable
from importlib import import_module

from .. import __version__
from ..errors import UsageError, nearest
from .command import PACKAGE, Parser, exit_with

# name -> (module with main(argv), what it does); only the chosen one is imported
COMMANDS = {
    "run": ("run", "find faces, classify their attributes, show and log them"),
    "list": ("cli.cameras", "list the cameras that are plugged in"),
    "doctor": ("cli.doctor", "diagnose the computer, its cameras and the service"),
    "settings": ("cli.settings_file", "print a settings file with every setting"),
    "people": ("cli.people", "enroll people, list and remove them"),
    "emoji": ("cli.emoji", "draw people as emoji"),
    "web": ("cli.web", "make the password of the web page"),
    "counts": ("cli.counts", "make a report of anonymous counts"),
    "rules": ("cli.rules", "test a settings file's rules on a video"),
    "mqtt": ("cli.mqtt", "remove this camera from Home Assistant"),
    "label": ("cli.label", "label archives of photos and videos"),
    "query": ("cli.query", "ask logs, visits, counts and stores in SQL"),
    "archive": ("cli.archive", "turn older days of logs into Parquet"),
    "fleet": ("cli.fleet", "take the visits of many cameras into one database"),
    "bench": ("cli.bench", "measure the speed and memory of this computer"),
}


def parser() -> Parser:
    """Return the parser that explains the commands; each has its own for its flags."""
    top = Parser("device", __doc__ or "")
    top.add_argument("--version", action="version", version=f"facet {__version__}")
    commands = top.add_subparsers(required=True, parser_class=argparse.ArgumentParser)
    for name, (_, about) in COMMANDS.items():
        commands.add_parser(name, help=about, add_help=False)
    return top


def run_command(argv: list[str] | None = None) -> int | None:
    """Run the command that the first argument names with the rest of them."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments:
        parser().print_help()
        return 0
    name, *rest = arguments
    if name in COMMANDS:
        module, _ = COMMANDS[name]
        command: Callable[[list[str]], int | None] = import_module(f"{PACKAGE}.{module}").main
        return command(rest)
    if name.startswith("-"):
        parser().parse_args([name])
    raise UsageError(f"unknown command {name!r}", nearest(name, COMMANDS))


def main() -> None:
    """The `facet` script: run a command and leave the process with its exit code."""
    exit_with(run_command)
