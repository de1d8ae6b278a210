"""Pictures of a room: a background that stands still, people before it, the noise of a sensor."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

SIZE_WH = (640, 480)
FACE_PX = 110.0  # width of a face of one person; of several, less
NOISE = 2.0  # standard deviation, grey levels, of each channel
NOISE_MARGIN = 64  # px by which the field of noise is larger: each frame has another part of it
STILL_FRAMES = 50  # of a loop in which nothing moves but the noise
SWAY_S = 10.0  # length of a loop in which people move
# How a person sits: s, px to the right and down for a face of FACE_PX, degrees. Two equal lines
# are a pause; from one line to another the movement begins and ends at rest.
POSES = (
    (0.0, 0.0, 0.0, 0.0),
    (1.5, 0.0, 0.0, 0.0),
    (2.3, 5.0, 1.0, 3.0),
    (4.0, 5.0, 1.0, 3.0),
    (5.0, -6.0, 2.0, -4.0),
    (7.0, -6.0, 2.0, -4.0),
    (7.8, -2.0, 0.0, 6.0),
    (8.6, 0.0, 0.0, 0.0),
    (SWAY_S, 0.0, 0.0, 0.0),
)

Pose = tuple[float, float, float]  # px to the right, px down, degrees


@dataclass(frozen=True, eq=False)
class Cutout:
    """Head and shoulders of a portrait."""

    bgr: np.ndarray
    """uint8 (H, W, 3)."""
    opacity: np.ndarray
    """float32 (H, W), 0..1."""
    face_xy: tuple[float, float]
    """Centre of the face, px."""
    face_px: float
    """Width of the face, px."""


def cut_out(bgr: np.ndarray, face_xy: tuple[float, float], face_px: float) -> Cutout:
    """Return head and shoulders of a portrait, uint8 (H, W, 3), around the face it shows."""
    height, width = bgr.shape[:2]
    mask = np.zeros((height, width), np.float32)
    x, y, px = *face_xy, face_px
    head = (round(x), round(y - 0.1 * px)), (round(0.85 * px), round(1.15 * px))
    cv2.ellipse(mask, *head, 0, 0, 360, 1.0, -1)
    outline = [(-0.4, 0.7), (-1.5, 1.5), (-1.7, 9), (1.7, 9), (1.5, 1.5), (0.4, 0.7)]
    points = np.array([(x + across * px, y + down * px) for across, down in outline])
    cv2.fillPoly(mask, [points.astype(np.int32)], 1.0)
    # Nothing of the person is left at these edges, so that beyond them there is nothing either.
    edge = round(0.15 * px)
    mask[:edge] = mask[:, :edge] = mask[:, -edge:] = 0
    opacity = cv2.GaussianBlur(mask, (0, 0), 0.06 * px)
    # The shoulders go on below the portrait, to the lower edge of any picture.
    border = 0, 4 * round(px), 0, 0, cv2.BORDER_REPLICATE
    return Cutout(
        cv2.copyMakeBorder(bgr, *border), cv2.copyMakeBorder(opacity, *border), face_xy, px
    )


def place(
    picture: np.ndarray, person: Cutout, xy: tuple[float, float], face_px: float, tilt: float
) -> None:
    """Draw a person into a picture, uint8 (H, W, 3): the face's centre, px, its width, degrees."""
    # Only around the person: shoulders reach 1.8 face widths, tilted ones a little farther.
    left, top = max(0, round(xy[0] - 2.5 * face_px)), max(0, round(xy[1] - 2 * face_px))
    part = picture[top:, left : max(left, round(xy[0] + 2.5 * face_px))]
    if not part.size:
        return
    matrix: np.ndarray = cv2.getRotationMatrix2D(person.face_xy, tilt, face_px / person.face_px)
    matrix[:, 2] += np.subtract(xy, person.face_xy) - (left, top)
    size_wh, border = (part.shape[1], part.shape[0]), cv2.BORDER_REPLICATE
    method = cv2.INTER_AREA if face_px < person.face_px else cv2.INTER_CUBIC
    bgr = cv2.warpAffine(person.bgr, matrix, size_wh, flags=method, borderMode=border)
    opacity = cv2.warpAffine(person.opacity, matrix, size_wh)  # 0 beyond the cut-out
    part[:] = cv2.blendLinear(bgr, np.ascontiguousarray(part), opacity, 1 - opacity)


def background(size_wh: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Return a wall with texture, shelves and a table, without a face, uint8 (h, w, 3)."""
    width, height = size_wh
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 12, (height // 16 + 1, width // 16 + 1)).astype(np.float32)
    paper: np.ndarray = cv2.resize(coarse, size_wh, interpolation=cv2.INTER_CUBIC)
    paper += cv2.GaussianBlur(rng.normal(0, 12, paper.shape).astype(np.float32), (0, 0), 1.0)
    wall = paper[..., None] + np.array((125, 140, 150), np.float32)  # B, G, R
    for _ in range(24):
        left, top = rng.integers((0, 0), (width, height))
        corner = int(left + rng.integers(10, width // 4)), int(top + rng.integers(6, height // 6))
        shade = [int(level) for level in rng.integers(40, 210, 3)]
        cv2.rectangle(wall, (int(left), int(top)), corner, shade, -1)
    return np.clip(wall, 0, 255).astype(np.uint8)


def pose_at(at_s: float) -> Pose:
    """Return (px to the right, px down, degrees) of a person at a time of the loop, s."""
    at_s %= SWAY_S
    after = next(n for n, pose in enumerate(POSES) if pose[0] > at_s)
    (from_s, *before), (to_s, *then) = POSES[after - 1], POSES[after]
    share = (1 - math.cos(math.pi * (at_s - from_s) / (to_s - from_s))) / 2
    x, y, tilt = (a + share * (b - a) for a, b in zip(before, then, strict=True))
    return x, y, tilt


def pictures_of_room(
    people: Sequence[Cutout],
    moving: bool,
    fps: float,
    size_wh: tuple[int, int] = SIZE_WH,
    seed: int = 0,
) -> list[np.ndarray]:
    """Return a loop of pictures, uint8 (h, w, 3), that nobody may write to.

    people: side by side. moving: they sway and tilt, each at other times, and pause in between.
    """
    room, rng = background(size_wh, seed), np.random.default_rng(seed + 1)
    shape = (size_wh[1] + NOISE_MARGIN, size_wh[0] + NOISE_MARGIN, 3)
    noise = np.rint(rng.standard_normal(shape, np.float32) * NOISE).astype(np.int16)
    frames = round(SWAY_S * fps) if moving and people else STILL_FRAMES
    loop: list[np.ndarray] = []
    poses: list[Pose] = []
    picture = room
    for number in range(frames):
        apart_s = SWAY_S / max(1, len(people))
        at_s = number / fps if moving else 0.0
        due = [pose_at(at_s + n * apart_s) for n in range(len(people))]
        if due != poses:  # pauses need no new picture
            poses, picture = due, _with_people(room, people, due)
        x, y = rng.integers(0, NOISE_MARGIN, 2)
        part = noise[y : y + size_wh[1], x : x + size_wh[0]]
        loop.append(cv2.add(picture, part, dtype=cv2.CV_8U))
        loop[-1].flags.writeable = False
    return loop


def _with_people(room: np.ndarray, people: Sequence[Cutout], poses: Sequence[Pose]) -> np.ndarray:
    """Return a copy of the room with the people in it, each in its pose."""
    picture = room.copy()
    (height, width), number = room.shape[:2], max(1, len(people))
    face_px = min(FACE_PX * width / SIZE_WH[0], 0.5 * width / number)
    zoom = face_px / FACE_PX
    for n, (person, (x, y, tilt)) in enumerate(zip(people, poses, strict=True)):
        centre = width * (n + 0.5) / number + zoom * x, 0.42 * height + zoom * y
        place(picture, person, centre, face_px, tilt)
    return picture
