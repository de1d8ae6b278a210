"""Training runs: settings, recipes, phases, checkpoints and the run's folder."""
