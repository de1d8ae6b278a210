"""`python -m device.bench`: see cli/bench.py."""

from ..cli.bench import main
from ..cli.command import exit_with

if __name__ == "__main__":
    exit_with(main)
