"""Check recognition, if the settings enable it: dlib, its network, and the people file."""

from shlex import quote

from ...camera.demo import ASTRONAUT, portrait
from ...recognition.embedding import Embedder
from ...recognition.face_crop import face_crop
from ...recognition.store import ENROLL, read_people
from ...settings import Settings
from ..check_result import CheckResult, ok, warning
from .models import LANDMARKS


def enrolled(settings: Settings) -> CheckResult:
    """Whether people can be recognized; raises UsageError, ModelError or SourceError."""
    Embedder().embed(face_crop(portrait(ASTRONAUT), LANDMARKS))
    file = settings.people.file
    people = read_people(file)
    if not people:
        return warning(f"no person is enrolled in {file}", f"{ENROLL} --file {quote(str(file))}")
    if file.stat().st_mode & 0o077:
        return warning(f"other users may read {file}", f"chmod 600 {quote(str(file))}")
    return ok(f"{len(people)} enrolled in {file}")
