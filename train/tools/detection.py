"""Measure detection: faces found, faces found twice, false faces, and faces in view of videos.

    D=../shared/data
    python -m train.tools.detection $D/wild $D/genki $D/boxes $D/utkface    # 1 min
    python -m train.tools.detection --empty $D/no_face                      # 20 s
    python -m train.tools.detection --videos $D/videos                      # 40 s

Everything goes through the device's own path at its default settings. Prints a Markdown table:

photos of people: the share in which a face is found (a boxes.csv with file, x, y, w, h says where
one must be), the share in which one is classified, and the share in which one is found twice: two
boxes share more than half of the smaller one.
--empty: photos without people; those with a detection, and those with one that is classified.
--videos: a folder with faces.csv, whose lines have file, faces_min and faces_max, the people in
view; the share of each video's frames in which as many faces are in view, searched as a film and
as a live picture, which is searched where it has changed.
--sample N: of each folder of photos, N photos, spread evenly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device.analyzer import FaceAnalyzer
from device.boxes import iou, overlap
from device.camera.open import open_camera
from device.camera.photo_files import photos_in
from device.cli.command import Parser, exit_with
from device.errors import SourceError, UsageError
from device.faces.detection_scheduler import DetectionScheduler
from device.faces.search_gate import SearchGate
from device.faces.tracker import Tracker
from device.frame_budget import FrameBudget
from device.models import Models, load_models
from device.pipeline import build_pipeline
from device.settings import CameraSettings, Settings
from device.types import OK, Box, Face
from train.data.tables import read_columns
from train.data.unreadable import photo_or_none

SAME_IOU = 0.4  # of a box of boxes.csv and a detection
TWICE = 0.5  # of the smaller box


@dataclass(frozen=True)
class PhotoCounts:
    """What was detected in the photos of a folder."""

    photos: int
    found: int  # photos with a face
    classified: int  # with a face that is classified
    twice: int  # with a face found twice
    faces: int  # in all photos

    def row(self, name: str) -> str:
        """Return a line of the table of photos of people."""
        shares = (n / self.photos for n in (self.found, self.classified, self.twice))
        cells = " | ".join(f"{share:.4f}" for share in shares)
        return f"| {name} | {self.photos:,} | {cells} | {self.faces:,} |"

    def empty_row(self, name: str) -> str:
        """Return a line of the table of photos without people."""
        return f"| {name} | {self.photos:,} | {self.found} | {self.classified} | {self.faces} |"


def is_found_twice(boxes: Sequence[Box]) -> bool:
    """Whether two boxes share more than half of the smaller one."""
    return any(overlap(a, b) > TWICE for n, a in enumerate(boxes) for b in boxes[:n])


def count(analyzer: FaceAnalyzer, photos: Sequence[Path], boxes: dict[str, Box]) -> PhotoCounts:
    """Return what the device detects in photos; those that cannot be read are left out.

    boxes: by file name, where a face must be found; elsewhere any face counts.
    """
    results = [_detected(analyzer, path, boxes.get(path.name)) for path in photos]
    read = [faces for faces in results if faces is not None]
    return PhotoCounts(
        len(read),
        sum(bool(faces) for _, faces in read),
        sum(any(face.state == OK for face in faces) for _, faces in read),
        sum(is_found_twice([face.box for face in every]) for every, _ in read),
        sum(len(every) for every, _ in read),
    )


def _detected(
    analyzer: FaceAnalyzer, path: Path, box: Box | None
) -> tuple[list[Face], list[Face]] | None:
    """Return a photo's faces, and those that count as found; None if it cannot be read."""
    photo = photo_or_none(path)
    if photo is None:
        return None
    faces = analyzer.analyze(photo)
    return faces, [face for face in faces if box is None or iou(face.box, box) >= SAME_IOU]


def read_boxes(folder: Path) -> dict[str, Box]:
    """Return the box of each file that a folder's boxes.csv names; none without one."""
    path = folder / "boxes.csv"
    if not path.is_file():
        return {}
    columns: dict[str, type] = {"file": str, "x": float, "y": float, "w": float, "h": float}
    rows = read_columns(path, columns, "lines of file, x, y, w and h")
    return {file: (x, y, w, h) for file, x, y, w, h in rows}


def photos_of(folder: Path, sample: int) -> list[Path]:
    """Return a folder's photos, or so many of them, spread evenly; SourceError without any."""
    photos = photos_in(folder, recursive=True) if folder.is_dir() else []
    if not photos:
        raise SourceError(f"no photos in {folder}", "a folder of photos")
    if not sample or sample >= len(photos):
        return photos
    return [photos[n * len(photos) // sample] for n in range(sample)]


def videos_of(folder: Path) -> Iterator[tuple[Path, int, int]]:
    """Yield the videos that a folder's faces.csv names, and the fewest and most faces in view."""
    path = folder / "faces.csv"
    if not path.is_file():
        raise SourceError(f"no {path}", "lines of file, faces_min and faces_max")
    columns: dict[str, type] = {"file": str, "faces_min": int, "faces_max": int}
    for file, least, most in read_columns(path, columns, "whole numbers of faces"):
        yield folder / file, least, most


def faces_in_view(video: Path, settings: Settings, models: Models) -> np.ndarray:
    """Return the number of faces in each frame of a video, int (frames,)."""
    with open_camera(CameraSettings(source=str(video))) as camera:
        pipeline = build_pipeline(settings, models, camera)
        return np.array([len(result.faces) for result in pipeline], int)


def live_faces_in_view(video: Path, settings: Settings, models: Models) -> np.ndarray:
    """Return the number of tracks in each frame of a video searched as a live camera's picture is.

    Every frame counts, as of a computer that is fast enough; int (frames,).
    """
    faces, tracks = settings.faces, settings.tracks
    with open_camera(CameraSettings(source=str(video))) as camera:
        tracker = Tracker(tracks.min_hits, tracks.max_lost_s, 1 / camera.fps, faces.min_score)
        detection = DetectionScheduler(
            models.full_detector,
            models.roi_detector,
            tracker,
            faces.detect_hz,
            FrameBudget(),
            verifier=models.verifier(faces),
            gate=SearchGate(faces.recheck_s),
        )
        return np.array([len(detection.track(frame)) for frame in camera], int)


def print_photos(folders: Sequence[Path], analyzer: FaceAnalyzer, sample: int, empty: bool) -> None:
    """Print the table of some folders of photos."""
    columns = ["photos", "number", "found", "classified", "found twice", "faces"]
    if empty:
        columns = ["photos without people", "number", "with a face", "classified", "faces"]
    print("| " + " | ".join(columns) + " |")
    print("|---" * len(columns) + "|")
    for folder in folders:
        counts = count(analyzer, photos_of(folder, sample), read_boxes(folder))
        if counts.photos:
            print((counts.empty_row if empty else counts.row)(folder.name), flush=True)


def print_videos(folder: Path, settings: Settings) -> None:
    """Print the table of a folder of videos."""
    models = load_models(settings)
    print("| video | faces in view | frames | within | within, searched as a live picture |")
    print("|---" * 5 + "|")
    frames, right = 0, np.zeros(2, int)
    for video, least, most in videos_of(folder):
        both = np.stack([of(video, settings, models) for of in (faces_in_view, live_faces_in_view)])
        within = ((both >= least) & (both <= most)).sum(1)
        view = str(least) if least == most else f"{least} to {most}"
        print(_video_row(video.name, view, both.shape[1], within))
        frames, right = frames + both.shape[1], right + within
    print(_video_row("all", "", frames, right))


def _video_row(name: str, view: str, frames: int, within: np.ndarray) -> str:
    shares = " | ".join(f"{share:.3f}" for share in within / max(frames, 1))
    return f"| {name} | {view}{' ' if view else ''}| {frames:,} | {shares} |"


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.tools.detection", __doc__ or "")
    parser.add_argument("folders", type=Path, nargs="*", metavar="DIR", help="photos of people")
    parser.add_argument(
        "--empty", type=Path, nargs="+", default=[], metavar="DIR", help="photos without people"
    )
    parser.add_argument("--videos", type=Path, metavar="DIR", help="videos and their faces.csv")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="photos of each folder")
    options = parser.parse_args(argv)
    if not (options.folders or options.empty or options.videos):
        raise UsageError("nothing to measure", "a folder of photos, --empty DIR or --videos DIR")
    settings = Settings()
    analyzer = FaceAnalyzer.from_settings(settings)
    for folders, empty in ((options.folders, False), (options.empty, True)):
        if folders:
            print_photos(folders, analyzer, options.sample, empty)
    if options.videos:
        print_videos(options.videos, settings)


if __name__ == "__main__":
    exit_with(main)
