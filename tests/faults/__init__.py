"""Faults that Facet must survive, inflicted on real processes; `python -m tests.faults` runs them.

victim starts the command, witness is the command with an output that tells what it took, systemd
supervises it, logs counts what its files hold. One module per family of faults; catalogue lists
them.
"""
