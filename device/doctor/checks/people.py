"""Check of known people, where the settings ask for them: dlib, its network, and their file."""

from ...camera.demo import ASTRONAUT, portrait
from ...recognition.embedding import Embedder
from ...recognition.face_crop import face_crop
from ...recognition.store import ENROLL, read_people
from ...settings import Settings
from ..check_result import CheckResult, ok, warning
from .models import LANDMARKS


def known(settings: Settings) -> CheckResult:
    """Whether people can be recognised; raises UsageError, ModelError or SourceError."""
    Embedder().embed(face_crop(portrait(ASTRONAUT), LANDMARKS))
    file = settings.people.file
    people = read_people(file)
    if not people:
        return warning(f"nobody is in {file}", f"Run: {ENROLL} --file {file}")
    if file.stat().st_mode & 0o077:
        return warning(f"others may read {file}", f"Run: chmod 600 {file}")
    return ok(f"{len(people)} known in {file}")
