"""`python -m device.people`: enroll people, list and remove them (cli/people.py)."""

from .cli.command import exit_with
from .cli.people import main

if __name__ == "__main__":
    exit_with(main)
