"""Faults that Facet must survive, inflicted on real processes; `python -m tests.faults` runs them.

victim starts the command, witness is the command with an output that reports its rows, systemd
supervises it, logs counts the rows in its files. One module per family of faults; catalogue lists
them.
"""
