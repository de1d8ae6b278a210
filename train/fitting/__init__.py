"""How a run goes: its settings, phases, checkpoints and folder, on one machine or several."""
