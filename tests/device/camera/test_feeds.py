"""Several cameras read at the same time: fair turns, and none that holds up the others."""

import threading
import time
from datetime import UTC, datetime

import numpy as np
import pytest

from device.camera import feeds as module
from device.camera.feeds import Feeds
from device.errors import FacetError, SourceError
from device.types import Frame


class Film:
    """A video of so many frames, which may break off."""

    fps, mode = 25.0, "2x2"

    def __init__(self, name, count, fault=None):
        self.name, self.count, self.fault, self.closed = name, count, fault, False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def __iter__(self):
        try:
            for index in range(self.count):
                yield frame(index, self.name)
            if self.fault:
                raise self.fault
        finally:
            self.closed = True


class HungFilm(Film):
    """A video on a disk that does not answer until `release` is set."""

    def __init__(self, name):
        super().__init__(name, 0)
        self.release = threading.Event()

    def __iter__(self):
        self.release.wait(60)
        yield from ()


class Live(Film):
    """A live camera whose frames come when a test gives them; `hang` makes it a hung one."""

    dropped, newest, reconnecting = 0, None, False

    def __init__(self, name):
        super().__init__(name, 0)
        self.index, self._given, self._ended = 0, threading.Semaphore(0), threading.Event()
        self._hung = False

    def give(self, count=1):
        for _ in range(count):
            self._given.release()

    def end(self):
        self._ended.set()

    def hang(self):
        self._hung = True

    def __iter__(self):
        while not self._ended.is_set():
            if self._given.acquire(timeout=0.01):
                yield frame(self.index, self.name)
                self.index += 1
            elif self._hung:
                self._hung = False
                raise FacetError(f"{self.name} gave no frame for 10 s", "check the cable")


def frame(index, name):
    return Frame(np.zeros((2, 2, 3), np.uint8), index, datetime.now(UTC), float(index), name)


def wait_for(condition):
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def names(feeds):
    return [(number, frame.index) for number, frame in feeds]


def test_no_cameras_and_empty_films():
    with Feeds([]) as feeds:
        assert names(feeds) == []
    with Feeds([Film("a", 0), Film("b", 0)]) as feeds:
        assert names(feeds) == []


def test_each_frame_of_each_film_comes_once_in_its_order():
    films = [Film("a", 40), Film("b", 25), Film("c", 1)]
    with Feeds(films) as feeds:
        found = names(feeds)
    for number, film in enumerate(films):
        assert [index for place, index in found if place == number] == list(range(film.count))
    assert all(film.closed for film in films)


def test_films_take_turns_frame_by_frame():
    films = [Film("a", 6), Film("b", 6)]
    order = []
    with Feeds(films) as feeds:
        for number, _ in feeds:
            order.append(number)
            # Both have a frame before the next turn.
            wait_for(lambda: all(feed.waiting or feed.ended for feed in feeds.feeds))
    assert order[1:] == [1 - number for number in order[:-1]]


def test_a_camera_without_a_frame_holds_up_no_other():
    silent = Live("usb:0")
    with Feeds([silent, Film("a", 50)]) as feeds:
        frames = iter(feeds)
        assert [next(frames)[0] for _ in range(50)] == [1] * 50
        silent.give()
        assert next(frames)[0] == 0
        silent.end()
        assert next(frames, None) is None


def test_only_the_newest_frame_of_a_live_camera_is_kept():
    camera = Live("usb:0")
    with Feeds([camera]) as feeds:
        frames = iter(feeds)
        camera.give(5)
        wait_for(lambda: feeds.feeds[0].waiting and feeds.feeds[0].waiting.index == 4)
        assert next(frames)[1].index == 4 and feeds.feeds[0].dropped == 4
        camera.end()


def test_a_film_that_breaks_off_is_named_at_once_and_raised_when_all_have_ended(capsys):
    films = [Film("a", 2, SourceError("a breaks off", "copy it again")), Film("b", 30)]
    found = []
    with Feeds(films) as feeds, pytest.raises(SourceError, match="a breaks off"):
        found.extend(feeds)
    assert len(found) == 32
    assert capsys.readouterr().err == "facet: a breaks off; the other cameras go on\n"


def test_an_internal_error_is_raised_at_once():
    camera = Live("usb:0")
    with (
        Feeds([camera, Film("b", 0, ZeroDivisionError())]) as feeds,
        pytest.raises(ZeroDivisionError),
    ):
        list(feeds)
    camera.end()


def test_a_camera_that_hangs_is_tried_again_while_others_give_frames(monkeypatch, capsys):
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    hung, other = Live("usb:0"), Live("usb:1")
    with Feeds([hung, other]) as feeds:
        frames = iter(feeds)
        hung.hang()
        wait_for(lambda: feeds.feeds[0].hung)
        assert feeds.feeds[0].note == "no frames" and feeds.feeds[1].note == ""
        other.give()
        assert next(frames)[0] == 1
        hung.give()
        assert next(frames)[0] == 0 and feeds.feeds[0].note == ""
        hung.end()
        other.end()
        assert next(frames, None) is None
    assert capsys.readouterr().err.splitlines() == [
        "facet: usb:0 gave no frame for 10 s; the other cameras go on",
        "facet: usb:0 gives frames again",
    ]


def test_the_run_ends_where_every_camera_hangs():
    cameras = [Live("usb:0"), Live("usb:1")]
    with Feeds(cameras) as feeds, pytest.raises(FacetError, match="usb:0 gave no frame for 10 s"):
        for camera in cameras:
            camera.hang()
        next(iter(feeds))
    for camera in cameras:
        camera.end()


def test_a_stop_ends_the_iteration_while_no_frame_comes():
    camera, stop = Live("usb:0"), threading.Event()
    with Feeds([camera], stop.is_set) as feeds:
        stop.set()
        camera.end()
        assert names(feeds) == []


def test_a_camera_that_does_not_answer_at_the_end_is_left_behind(monkeypatch, capsys):
    monkeypatch.setattr(module, "STOP_TIMEOUT_S", 0.05)
    camera, film = Live("usb:0"), HungFilm("film.mp4")
    with Feeds([camera, film]):
        pass
    line = "facet: film.mp4 does not answer, and is not waited for\n"
    assert capsys.readouterr().err == line
    film.release.set()
    camera.end()


def test_a_live_camera_that_its_owner_ends_is_no_fault(capsys):
    """A silent camera is not waited for; its iteration ends with a fault when it is left."""
    camera = Live("usb:0")
    with Feeds([camera]) as feeds:
        pass
    camera.hang()
    wait_for(lambda: feeds.feeds[0].ended)
    assert capsys.readouterr().err == ""
