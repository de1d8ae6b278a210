"""Store the annotated picture of a firing; the only action that stores pictures of people."""

from __future__ import annotations

import contextlib
import threading

import cv2

from ...errors import FacetError, disk_faults
from ...files import write_atomic
from ...outputs.overlay import annotate, draw_lines
from ...settings import RuleSettings
from ..watch import Firing
from . import PlainAction, slug

QUALITY = 90  # of a JPEG, per cent
TIME = "[0-9]" * 4 + "-[0-9][0-9]" * 2 + "T[0-9][0-9]" + "-[0-9][0-9]" * 2 + ".[0-9][0-9][0-9]Z"


class Snapshot(PlainAction):
    """Writes FOLDER/2026-11-27T08-53-20.024Z-NAME.jpg, and deletes the rule's oldest pictures."""

    needs_picture = True

    def __init__(self, rule: RuleSettings):
        assert rule.folder is not None  # checked by the settings
        self._folder, self._keep, self._slug = rule.folder, rule.keep, slug(rule.title)

    def act(self, firing: Firing, stopping: threading.Event) -> None:
        assert firing.result is not None
        picture = firing.result.frame.bgr.copy()
        draw_lines(picture, firing.result.lines)
        annotate(picture, firing.result.faces, f"{firing.time[:19]} {firing.source}")
        encoded, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        if not encoded:
            raise FacetError("the picture cannot be encoded", "another size of the camera")
        time = firing.time.rstrip("?").replace(":", "-")
        message = f"cannot write a snapshot into {self._folder}"
        with disk_faults(message, "free the disk, or another folder in [[rules]]"):
            write_atomic(self._folder / f"{time}-{self._slug}.jpg", jpeg.tobytes())
            self._delete_old()

    def _delete_old(self) -> None:
        for old in sorted(self._folder.glob(f"{TIME}-{self._slug}.jpg"))[: -self._keep]:
            with contextlib.suppress(FileNotFoundError):
                old.unlink()
