"""Count the instructions of a frame: `python -m tests.instructions`."""
