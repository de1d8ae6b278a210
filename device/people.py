"""`python -m device.people`: enrol people, list and remove them (cli/people.py)."""

from .cli.people import exit_with, main

if __name__ == "__main__":
    exit_with(main)
