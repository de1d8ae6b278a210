"""`python -m device.doctor`: see cli/doctor.py."""

from ..cli.doctor import exit_with, main

if __name__ == "__main__":
    exit_with(main)
