"""`python -m device.query`: see cli/query.py."""

from ..cli.command import exit_with
from ..cli.query import main

if __name__ == "__main__":
    exit_with(main)
