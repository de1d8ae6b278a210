"""`python -m device.doctor`: see cli/doctor.py."""

from ..cli.command import exit_with
from ..cli.doctor import main

if __name__ == "__main__":
    exit_with(main)
