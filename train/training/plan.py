"""What a run is about to do, as text: its network, its phases and their steps."""

from device.text import counted
from train.training.config import FROM_SCRATCH, FitSettings, from_scratch
from train.training.phases import Phase, phases


def plan_lines(settings: FitSettings, photos: int) -> list[str]:
    """Return a line on the network, and one per phase.

    photos: those to train on.
    """
    settings = from_scratch(settings)
    width, height = settings.input
    start = "random weights" if settings.weights == FROM_SCRATCH else f"weights {settings.weights}"
    network = f"{settings.backbone} at {width}x{height} px, from {start}"
    return [network, *(_phase_line(phase, settings, photos) for phase in phases(settings))]


def _phase_line(phase: Phase, settings: FitSettings, photos: int) -> str:
    steps = -(-photos // settings.batch)
    epochs = phase.last - phase.first
    line = f"{phase.name}: {counted(epochs, 'epoch')} of {counted(steps, 'step')}"
    line += f", {counted(settings.batch, 'photo')} each"
    if settings.early_stopping:
        line += f", fewer if {settings.early_stopping} stops improving"
    return line + (", on features that are computed once" if phase.bottleneck else "")
