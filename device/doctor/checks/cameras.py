"""Check the cameras: permissions, which are connected, and what their pictures show."""

import dataclasses
import time

import cv2
import msgspec
import numpy as np

from ...analyzer import FaceAnalyzer, largest
from ...camera.device_users import InUse
from ...camera.discovery import cameras, no_camera_error
from ...camera.open import open_camera
from ...camera.v4l2 import V4l2
from ...errors import FacetError
from ...faces.align import CELEBA_FRAME
from ...faces.orientation import advice, picture_turn
from ...faces.quality_gate import NO_LIMITS
from ...models import load_full_detector
from ...settings import Settings
from ...text import counted
from ...types import Image
from ..check_result import CheckResult, failure, ok, warning
from ..system import System
from .service import running_pid

WARM_UP_S = 1.5  # for a camera to set its exposure
DARK = 12  # bytes: a picture without brighter pixels is black
FLAT = 1.0  # bytes: a picture of something has a larger standard deviation
# Red over blue of a face, medians: 0.86 and more on 120 photos of all skin colours, and with the
# two swapped below 0.85 on 98 % of them.
SKIN = 0.85
SNAPSHOT = "python -m device.doctor --snapshot picture.jpg"


def listed(system: System) -> CheckResult:
    """Which cameras are connected."""
    v4l2 = system.v4l2 or V4l2()
    found = list(cameras(v4l2))
    if found:
        return ok(", ".join(f"{camera.name} ({camera.title})" for camera in found))
    error = no_camera_error(v4l2)
    return warning(error.message, error.hint)


def sources(system: System, settings: Settings) -> dict[str, str]:
    """Return {check's name: --camera} of each camera, and of other sources that settings name.

    The name does not show an address, which may contain a password.
    """
    names = [camera.name for camera in cameras(system.v4l2 or V4l2())]
    connected = {str(number) for number in range(len(names))}
    known = {"auto", "demo", *names, *connected}
    other = [source for source in settings.camera.sources if source not in known]
    titles = [f"source {n}" for n in range(1, len(other) + 1)] if len(other) > 1 else ["source"]
    return {f"camera {name}": name for name in names} | dict(zip(titles, other, strict=False))


def picture(system: System, settings: Settings, source: str) -> CheckResult:
    """Whether a camera opens, in which mode, and gives a plausible picture; raises FacetError."""
    wanted = msgspec.structs.replace(settings.camera, source=source, wait=False)
    try:
        camera = open_camera(wanted, v4l2=system.v4l2)
    except InUse as error:
        return _in_use(system, error)
    with camera:
        started_s = time.monotonic()
        for frame in camera:
            result = exposure(frame.bgr)
            if result is None or time.monotonic() - started_s > WARM_UP_S:
                break
        else:
            return failure(f"{camera.name} gives no frame", "connect it again; then dmesg | tail")
    result = result or orientation(frame.bgr, settings) or colours(frame.bgr, settings)
    return dataclasses.replace(result, message=f"{camera.mode}: {result.message}")


def _in_use(system: System, error: InUse) -> CheckResult:
    """Return the result for a camera that another program has open: OK if it is the service."""
    pid = running_pid(system)
    if pid and (f"(pid {pid})" in error.message or "another user" in error.message):
        return ok(f"{error.message}; the service runs, pid {pid}")
    return warning(error.message, error.hint)


def exposure(bgr: Image) -> CheckResult | None:
    """Return what is wrong with a uint8 (H, W, 3) picture that is black or uniform, else None."""
    small = cv2.resize(bgr, (64, 48), interpolation=cv2.INTER_AREA)
    if small.max() < DARK:
        return warning("all black", f"remove the lens cap or turn on a light; then {SNAPSHOT}")
    if small.std(axis=(0, 1)).max() < FLAT:
        blue, green, red = (round(float(level)) for level in small.mean(axis=(0, 1)))
        return failure(
            f"one colour everywhere (red {red}, green {green}, blue {blue})",
            f"connect the camera again; then {SNAPSHOT}",
        )
    return None


def orientation(bgr: Image, settings: Settings) -> CheckResult | None:
    """Return how to turn a camera whose picture shows faces only upside down or sideways."""
    try:
        turn = picture_turn(load_full_detector(settings), bgr)
    except FacetError:  # reported by the check "detector"
        return None
    return warning(*advice(turn, settings.camera)) if turn else None


def colours(bgr: Image, settings: Settings) -> CheckResult:
    """Return whether a uint8 (H, W, 3) picture's colours are plausible: a face is not bluish.

    A picture without a face is accepted.
    """
    try:
        analyzer = FaceAnalyzer(load_full_detector(settings), NO_LIMITS, geometry=CELEBA_FRAME)
        face = largest(analyzer.analyze(bgr))
    except FacetError:  # reported by the check "detector"
        face = None
    if face is None:
        return ok("a picture, no face to judge its colours by")
    x, y, w, h = (int(side) for side in face.box)
    skin = np.median(bgr[y : y + max(h, 1), x : x + max(w, 1)].reshape(-1, 3), axis=0)
    if skin[2] < SKIN * skin[0]:
        return warning("a face bluer than skin: red and blue swapped, or coloured light", SNAPSHOT)
    return ok("a face of plausible colour")


def permission(system: System) -> CheckResult:
    """Whether this user may open the cameras' device nodes."""
    folder = system.root / "dev"
    nodes = sorted([*folder.glob("video[0-9]*"), *folder.glob("media[0-9]*")])
    closed = [node for node in nodes if not system.may_open(node)]
    member = "video" in system.groups
    join = f"sudo usermod -aG video {system.user}, then log in again"
    if closed:
        message = f"{system.user} may not open {closed[0]}"
        if len(closed) > 1:
            message += f" and {len(closed) - 1} more"
        if member:
            return failure(f"{message}, though in group video", f"ls -l {closed[0]}")
        if system.user in _video_members(system):
            return failure(f"{message}: group video counts from the next login", "log in again")
        return failure(message, join)
    if not nodes and not member and system.user != "root":
        return warning(f"{system.user} is not in group video, which cameras belong to", join)
    user = f"{system.user}, in group video" if member else system.user
    return ok(f"{user}, may open {counted(len(nodes), 'device')}")


def _video_members(system: System) -> list[str]:
    """Return the members of group video by /etc/group, which counts from the next login."""
    for line in (system.read("etc/group") or "").splitlines():
        if line.startswith("video:"):
            return line.rpartition(":")[2].split(",")
    return []
