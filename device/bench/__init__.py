"""How fast Facet is, and what it takes: `python -m device.bench`."""
