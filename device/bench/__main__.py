"""`python -m device.bench`: see cli/bench.py."""

from ..cli.bench import exit_with, main

if __name__ == "__main__":
    exit_with(main)
