"""Checks of the cameras: may they be opened, which are there, what do their pictures show."""

import dataclasses
import time

import cv2
import msgspec
import numpy as np

from ...camera.device_users import InUse
from ...camera.discovery import cameras, no_camera_error
from ...camera.open import open_camera
from ...camera.v4l2 import V4l2
from ...errors import FacetError
from ...pipeline import load_detectors
from ...settings import Settings
from ..check_result import CheckResult, failure, ok, warning
from ..system import System
from .service import running_pid

WARM_UP_S = 1.5  # for a camera to find its exposure
DARK = 12  # bytes: below it everything is black
FLAT = 1.0  # bytes: standard deviation of a picture that shows something is larger
# Red over blue of a face, medians: 0.86 and more on 120 photos of all skin colours, and with the
# two swapped below 0.85 on 98 % of them.
SKIN = 0.85
LOOK = "Look at one: python -m device.doctor --snapshot picture.jpg"


def listed(machine: System) -> CheckResult:
    """Which cameras there are."""
    v4l2 = machine.v4l2 or V4l2()
    found = list(cameras(v4l2))
    if found:
        return ok(", ".join(f"{one.name} ({one.title})" for one in found))
    error = no_camera_error(v4l2)
    return warning(error.message, error.hint)


def sources(machine: System, settings: Settings) -> dict[str, str]:
    """Return {check's name: --camera} of each camera, and of what else the settings name.

    An address is no part of the name: it may have a password in it.
    """
    names = [one.name for one in cameras(machine.v4l2 or V4l2())]
    wanted = settings.camera.source
    first = wanted.isdecimal() and int(wanted) < len(names)
    other = {} if wanted in ("auto", "demo", *names) or first else {"source": wanted}
    return {f"camera {name}": name for name in names} | other


def picture(machine: System, settings: Settings, source: str) -> CheckResult:
    """Whether a camera opens, in which mode, and gives a plausible picture; raises FacetError."""
    wanted = msgspec.structs.replace(settings.camera, source=source)
    try:
        camera = open_camera(wanted, v4l2=machine.v4l2)
    except InUse as error:
        return _taken(machine, error)
    with camera:
        begun = time.monotonic()
        for frame in camera:
            seen = exposure(frame.bgr)
            if seen is None or time.monotonic() - begun > WARM_UP_S:
                break
        else:
            return failure(f"{camera.name} gives no frame", LOOK)
    seen = seen or colours(frame.bgr, settings)
    return dataclasses.replace(seen, message=f"{camera.mode}: {seen.message}")


def _taken(machine: System, error: InUse) -> CheckResult:
    """Return what it means that another program has the camera: it may be Facet's own service."""
    pid = running_pid(machine)
    if pid and (f"(pid {pid})" in error.message or "another user" in error.message):
        return ok(f"{error.message}; the service runs, pid {pid}")
    return warning(error.message, error.hint)


def exposure(bgr: np.ndarray) -> CheckResult | None:
    """Return what is wrong with a uint8 (H, W, 3) picture that shows nothing, else None."""
    small = cv2.resize(bgr, (64, 48), interpolation=cv2.INTER_AREA)
    if small.max() < DARK:
        return warning("all black", f"Take off the lens cap, or make light. {LOOK}")
    if small.std(axis=(0, 1)).max() < FLAT:
        blue, green, red = (round(float(level)) for level in small.mean(axis=(0, 1)))
        return failure(
            f"one colour everywhere (red {red}, green {green}, blue {blue})",
            f"Plug it in again, then: dmesg | tail. {LOOK}",
        )
    return None


def colours(bgr: np.ndarray, settings: Settings) -> CheckResult:
    """Return whether a uint8 (H, W, 3) picture's colours can be right: a face is redder than blue.

    Without a face one picture does not tell.
    """
    try:
        faces = load_detectors(settings)[0].detect(bgr)
    except FacetError:  # for another check to explain
        faces = []
    if not faces:
        return ok("a picture, no face to judge its colours by")
    x, y, w, h = (int(side) for side in max(faces, key=lambda face: face.box[2]).box)
    skin = np.median(bgr[y : y + max(h, 1), x : x + max(w, 1)].reshape(-1, 3), axis=0)
    if skin[2] < SKIN * skin[0]:
        return warning("a face bluer than skin is: red and blue swapped, or coloured light", LOOK)
    return ok("a face of plausible colour")


def permission(machine: System) -> CheckResult:
    """Whether this user may open the devices that cameras are."""
    folder = machine.root / "dev"
    nodes = sorted([*folder.glob("video[0-9]*"), *folder.glob("media[0-9]*")])
    closed = [node for node in nodes if not machine.may_open(node)]
    member = "video" in machine.groups
    join = f"Run: sudo usermod -aG video {machine.user}, then log in again"
    if closed:
        found = f"{machine.user} may not open {closed[0]}"
        if len(closed) > 1:
            found += f" and {len(closed) - 1} more"
        if member:
            return failure(f"{found}, though in group video", f"Look: ls -l {closed[0]}")
        if machine.user in _members(machine):
            return failure(f"{found}: group video counts from the next login", "Log in again")
        return failure(found, join)
    if not nodes and not member and machine.user != "root":
        return warning(f"{machine.user} is not in group video, which cameras belong to", join)
    who = f"{machine.user}, in group video" if member else machine.user
    return ok(f"{who}, may open {len(nodes)} devices")


def _members(machine: System) -> list[str]:
    """Return who is in group video by /etc/group, from the next login on."""
    for line in (machine.read("etc/group") or "").splitlines():
        if line.startswith("video:"):
            return line.rpartition(":")[2].split(",")
    return []
