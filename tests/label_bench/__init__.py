"""Measure `device.label`: see __main__.py."""
