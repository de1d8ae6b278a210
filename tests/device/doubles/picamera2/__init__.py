"""A double of Picamera2 0.3, which runs on a Pi only: the calls Facet makes, and no others.

Names, parameters, defaults and what is returned are those of the real one's source. What the Pi
would decide stands in CAMERAS, which tests change.
"""

import queue
import threading
import time
from concurrent.futures import CancelledError, Future

import numpy as np

# As libcamera gives them: a CSI camera's Id is a path in the device tree, a webcam's has "/usb".
CSI = {"Model": "imx708", "Location": 2, "Rotation": 180, "Id": "/base/soc/i2c0mux/i2c@1/imx708@1a"}
USB = {"Model": "HD Webcam", "Location": 2, "Id": "/base/scb/pcie@7d500000/usb@0,0-1.2:1.0-046d"}
RED_RGB = (200, 20, 10)

CAMERAS = [CSI, USB]  # what is plugged in
STATE = {"open": set(), "busy": False, "frames": True, "fail_start": False, "drops": False}


class Job:
    """One thing that the event loop shall do when a frame comes."""

    def __init__(self, function):
        self.function, self.future = function, Future()


class Picamera2:
    @staticmethod
    def global_camera_info():
        # The real one sorts USB cameras last.
        return [dict(info, Num=place) for place, info in enumerate(CAMERAS)]

    def __init__(self, camera_num=0, verbose_console=None, tuning=None, allocator=None):
        if camera_num >= len(CAMERAS):
            raise RuntimeError(f"No camera number {camera_num} found")
        if STATE["busy"] or camera_num in STATE["open"]:
            cause = RuntimeError("Failed to acquire camera: Device or resource busy")
            raise RuntimeError("Camera __init__ sequence did not complete.") from cause
        self._number, self._thread, self._config = camera_num, None, None
        self._jobs: queue.Queue[Job] = queue.Queue()
        self._stopping = threading.Event()
        STATE["open"].add(camera_num)

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_val, exc_traceback):
        self.close()

    @property
    def sensor_modes(self):
        return [
            {"size": (1536, 864), "fps": 120.13, "bit_depth": 10},
            {"size": (2304, 1296), "fps": 56.03, "bit_depth": 10},
            {"size": (4608, 2592), "fps": 14.35, "bit_depth": 10},
            {"format": "MJPEG"},
        ]

    def create_video_configuration(
        self,
        main={},  # noqa: B006
        lores=None,
        raw={},  # noqa: B006
        transform=None,
        colour_space=None,
        buffer_count=6,
        controls={},  # noqa: B006
        display="main",
        encode="main",
        queue=True,
        sensor={},  # noqa: B006
        use_case="video",
    ):
        main = {"format": "XBGR8888", "size": (1280, 720), "preserve_ar": True} | main
        width, height = main["size"]
        main["size"] = (width - width % 2, height - height % 2)
        return {"main": main, "controls": {"FrameDurationLimits": (33333, 33333)} | controls}

    def configure(self, camera_config=None):
        self._config = camera_config

    def stream_configuration(self, name="main"):
        return self._config[name]

    def start(self, config=None, show_preview=False):
        if STATE["fail_start"]:
            raise RuntimeError("Camera did not start properly.")
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def capture_array(self, name="main", wait=None, signal_function=None):
        return self._dispatch(lambda: self._array(name), wait)

    def capture_metadata(self, wait=None, signal_function=None):
        shortest = self._config["controls"]["FrameDurationLimits"][0]
        return self._dispatch(lambda: {"FrameDuration": max(8324, shortest)}, wait)

    def wait(self, job, timeout=None):
        return job.future.result(timeout=timeout)

    def cancel_all_and_flush(self):
        while not self._jobs.empty():
            self._jobs.get().future.set_exception(CancelledError())

    def close(self):
        if self._thread:
            if not self._jobs.empty():
                raise AssertionError("the real one would now wait for a frame for ever")
            self._stopping.set()
            self._thread.join()
        STATE["open"].discard(self._number)

    def _dispatch(self, function, wait):
        job = Job(function)
        self._jobs.put(job)
        return self.wait(job) if wait or wait is None else job

    def _array(self, name):
        if STATE["drops"]:
            STATE["drops"] = False
            raise RuntimeError("Camera frontend has timed out!")
        config = self._config[name]
        width, height = config["size"]
        # Named for a word of 24 bits, so the first letter is the last byte in memory.
        pixel = {"RGB888": RED_RGB[::-1], "BGR888": RED_RGB}[config["format"]]
        return np.full((height, width, 3), pixel, np.uint8)

    def _loop(self):
        while not self._stopping.is_set():
            time.sleep(0.002)
            if STATE["frames"] and not self._jobs.empty():
                job = self._jobs.get()
                try:
                    job.future.set_result(job.function())
                except RuntimeError as error:
                    job.future.set_exception(error)
