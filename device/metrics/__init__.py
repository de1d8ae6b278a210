"""Figures of a run for Prometheus, at an address and in a file (docs/metrics.md)."""
