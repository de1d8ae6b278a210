"""Check of known people, where the settings ask for them: dlib, its network, and their file."""

from device.camera.demo import ASTRONAUT, portrait
from device.doctor.checks.models import LANDMARKS
from device.doctor.finding import Finding, ok, warning
from device.people.chip import chip
from device.people.embedding import Embedder
from device.people.file import ENROL, read_people
from device.settings import Settings


def known(settings: Settings) -> Finding:
    """Whether people can be recognised; raises UsageError, ModelError or SourceError."""
    Embedder().embed(chip(portrait(ASTRONAUT), LANDMARKS))
    file = settings.people.file
    people = read_people(file)
    if not people:
        return warning(f"nobody is in {file}", f"Run: {ENROL} --file {file}")
    if file.stat().st_mode & 0o077:
        return warning(f"others may read {file}", f"Run: chmod 600 {file}")
    return ok(f"{len(people)} known in {file}")
