"""`python -m device COMMAND`: the same as the script `facet` (cli/main.py)."""

from .cli.main import main

if __name__ == "__main__":
    main()
