"""Read a playlist of HTTP live streaming (HLS), whose segments must be the camera's own."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

from ..errors import SourceError
from ..settings import CameraSettings
from .address import Address
from .http_client import DROPPED_HINT, NO_PICTURE_HINT, HttpRequest, allowed

CHUNK = 1 << 16
MAX_PLAYLIST_BYTES = 1 << 20
MAX_SEGMENT_BYTES = 64 << 20
LIVE_SEGMENTS = 3  # from the end of a live playlist
STALE_S = 30.0  # without a new segment


class Playlist:
    """A playlist of HTTP live streaming: its segments, one after the other, from its own host.

    Raises SourceError, also from `pieces`.
    """

    def __init__(self, request: HttpRequest, address: Address, settings: CameraSettings, name: str):
        self._camera, self._settings, self._name = address, settings, name
        self._closed = threading.Event()
        self._request, self._url = request, request.address
        lines = self._lines(request)
        if any(line.startswith("#EXT-X-STREAM-INF") for line in lines):
            # Its variants differ in size; the first is the one to begin with.
            self._url = self._target(next((one for one in lines if not one.startswith("#")), ""))
            lines = self._lines(self._get(self._url))
        self.ended = "#EXT-X-ENDLIST" in lines
        self._first = lines

    def pieces(self) -> Iterator[bytes]:
        lines, begun, initial, waited_s = self._first, -1, "", 0.0
        while True:
            first = int(self._value(lines, "#EXT-X-MEDIA-SEQUENCE", "0"))
            segments = list(enumerate((one for one in lines if not one.startswith("#")), first))
            if begun < 0 and not self.ended:
                segments = segments[-LIVE_SEGMENTS:]
            for number, reference in segments:
                if number <= begun:
                    continue
                found = re.search(r'URI="([^"]*)"', self._value(lines, "#EXT-X-MAP", ""))
                if found and found[1] != initial:
                    initial = found[1]
                    yield from self._segment(initial)
                yield from self._segment(reference)
                begun, waited_s = number, 0.0
            if "#EXT-X-ENDLIST" in lines:
                return
            pause_s = min(max(float(self._value(lines, "#EXT-X-TARGETDURATION", "2")) / 2, 0.5), 5)
            waited_s += pause_s
            if self._closed.wait(pause_s) or waited_s > STALE_S:
                raise SourceError(f"{self._name} dropped", DROPPED_HINT)
            lines = self._lines(self._get(self._url))

    def _segment(self, reference: str) -> Iterator[bytes]:
        request, size = self._get(self._target(reference)), 0
        while data := request.read(CHUNK):
            size += len(data)
            if size > MAX_SEGMENT_BYTES:
                raise SourceError(f"{self._name} sends segments that never end", NO_PICTURE_HINT)
            yield data

    def _get(self, address: Address) -> HttpRequest:
        self._request.close()
        if self._closed.is_set():
            raise SourceError(f"{self._name} dropped", DROPPED_HINT)
        self._request = HttpRequest(address, self._settings, self._name, camera=self._camera)
        return self._request

    def _target(self, reference: str) -> Address:
        return allowed(self._camera, self._url, reference, self._settings, "has a playlist of")

    def _lines(self, request: HttpRequest) -> list[str]:
        """Return a playlist's lines; SourceError for what is none, and for encrypted ones."""
        text = request.read_all(MAX_PLAYLIST_BYTES).decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines or lines[0].lstrip("\ufeff") != "#EXTM3U":
            raise SourceError(f"{self._name} sends no playlist", NO_PICTURE_HINT)
        unknown = ("#EXT-X-BYTERANGE", "#EXT-X-KEY:METHOD=AES", "#EXT-X-KEY:METHOD=SAMPLE")
        if any(line.startswith(unknown) for line in lines):
            raise SourceError(f"{self._name} sends an encrypted or divided playlist", "rtsp")
        return lines

    def _value(self, lines: list[str], tag: str, default: str) -> str:
        value = next(
            (line.partition(":")[2] for line in lines if line.startswith(f"{tag}:")), default
        )
        if default and not re.fullmatch(r"[0-9]{1,12}([.][0-9]{1,6})?", value):
            raise SourceError(f"{self._name} sends no playlist", NO_PICTURE_HINT)
        return value

    def close(self) -> None:
        self._closed.set()
        self._request.close()
