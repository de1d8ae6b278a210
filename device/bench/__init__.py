"""Measure speed and memory: `python -m device.bench`."""
