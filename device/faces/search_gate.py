"""Decide where to search a live picture: where it has changed since it was searched.

An empty room is searched every few seconds only. What changes is searched at once, so that a person
who comes in is found as soon as by searching all the time; near a person who is tracked, whose
movements change the picture as well, a little later.
"""

import math
from collections.abc import Sequence

import numpy as np

from ..types import Detection, Frame, Region
from .change_watch import ChangeWatch
from .regions import square_around
from .tracker import SLACK_S, TrackedFace

NEAR_S = 0.4  # between two searches of what changes only near tracks
RECHECK_S = 2.0  # between two searches of a picture that does not change
# Of a track: how far around its face its own movements change the picture, face widths. Below, its
# body reaches the picture's edge.
NEAR_WIDTHS = 4.0
STILL_S = 0.5  # between two detections of an evenly moving track where nothing has changed
AROUND_WIDTHS = 2.0  # side of the square around a face in which it moves
FILLED = 0.25  # share of the cells that a face which fills the picture changes at least


class SearchGate:
    """What of a live picture has changed since it was searched; use it from one thread.

    Call `see` for every frame, then ask. recheck_s: the longest time without a search.
    """

    def __init__(self, recheck_s: float = RECHECK_S):
        self._watch, self._recheck_s = ChangeWatch(), recheck_s
        self._now_s = 0.0
        self._whole, self._whole_s = self._watch.cells, -math.inf  # how it was searched, and when
        self._tiles, self._tile_s = self._watch.cells.copy(), -math.inf
        self._tile_count = 0
        self._searched_s: dict[Region, float] = {}  # when a tile was searched
        self._detected: dict[TrackedFace, np.ndarray] = {}  # how the frame was then

    def see(self, frame: Frame) -> None:
        """Take the next frame."""
        self._watch.see(frame.bgr)
        self._now_s = frame.at_s

    def searched_all(self) -> None:
        """Note that the newest frame is searched as a whole and in all tiles."""
        self.searched(None)
        self._tiles, self._tile_s = self._watch.cells.copy(), self._now_s

    def searched(self, region: Region | None) -> None:
        """Note that the newest frame is searched: a tile, with a border, or as a whole (None)."""
        if region is None:
            self._whole, self._whole_s = self._watch.cells, self._now_s
            return
        self._tile_s = self._searched_s[region] = self._now_s
        if region[0] >= 0:  # with a border it is searched for large faces only
            part = self._watch.part(region)
            self._tiles[part] = self._watch.cells[part]

    def due(
        self, regions: Sequence[Region], wide: Region | None, tracks: Sequence[TrackedFace]
    ) -> list[Region | None]:
        """Return what to search now, one region at most; None: the whole picture.

        regions: the picture's tiles. wide: the picture with a border, for a face that fills it;
        None: such a face is known. tracks: the visible ones.
        """
        self._watch.learn_noise()
        whole: list[Region | None] = [None] if self._is_whole_due(tracks) else []
        if whole and self._whole_s <= self._tile_s:
            return whole
        return self._due_tile(regions, wide, tracks) or whole

    def _is_whole_due(self, tracks: Sequence[TrackedFace]) -> bool:
        waited_s = self._now_s - self._whole_s + SLACK_S
        if waited_s >= self._recheck_s:
            return True
        nearby = () if waited_s >= NEAR_S else tracks
        return bool(self._changed(self._whole, nearby).any())

    def _due_tile(
        self, regions: Sequence[Region], wide: Region | None, tracks: Sequence[TrackedFace]
    ) -> list[Region | None]:
        is_late = self._now_s - self._tile_s + SLACK_S >= self._recheck_s
        changed = self._changed(self._tiles, () if is_late else tracks)
        if wide and changed.mean() >= FILLED and self._tile_count % 2:
            return [self._next(wide)]
        counts = {region: int(changed[self._watch.part(region)].sum()) for region in regions}
        waiting = [region for region in regions if counts[region]]
        if waiting:
            # In turns, or a screen that always moves would keep all others from being searched.
            order = [(self._searched_s.get(tile, -math.inf), -counts[tile]) for tile in waiting]
            return [self._next(waiting[order.index(min(order))])]
        in_turn = [*regions, wide] if wide else regions
        if not (is_late and in_turn):
            return []
        return [self._next(in_turn[self._tile_count % len(in_turn)])]

    def _next(self, tile: Region) -> Region:
        self._tile_count += 1
        return tile

    def _changed(self, since: np.ndarray, tracks: Sequence[TrackedFace]) -> np.ndarray:
        """Return which cells have changed, but for those near tracks, bool."""
        changed = self._watch.changed(since)
        for track in tracks:
            changed[self._watch.part(_near(track.predict(self._now_s)))] = False
        return changed

    def is_track_due(self, track: TrackedFace) -> bool:
        """Whether to detect a track anew that is due: not where nothing has changed."""
        since = self._detected.get(track)
        if since is None or not track.wait_s or self._now_s - track.seen_s + SLACK_S >= STILL_S:
            return True
        face = track.predict(self._now_s)
        part = self._watch.part(square_around(face, AROUND_WIDTHS * face.box[2]))
        return bool(self._watch.changed(since)[part].any())

    def detected(self, tracks: Sequence[TrackedFace]) -> None:
        """Note the tracks that were detected in the newest frame, and forget the lost ones."""
        old_s = self._now_s - STILL_S
        kept = {track: cells for track, cells in self._detected.items() if track.seen_s >= old_s}
        new = {track: self._watch.cells for track in tracks if track.seen_s == self._now_s}
        self._detected = kept | new


def _near(face: Detection) -> Region:
    """Return the part of the picture that a person's own movements change, px."""
    left, top, right, _ = square_around(face, NEAR_WIDTHS * face.box[2])
    return left, top, right, 1 << 20
