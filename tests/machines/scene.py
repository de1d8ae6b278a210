"""The picture for the guest's camera: two people, played into the HDMI input of the driver vivid.

It goes through the kernel to the reader of /dev/video0, as from a real camera.
"""

from pathlib import Path

from device.camera.demo import Demo
from tests.machines.clip import read_rows
from tests.machines.guest import Guest

CAPTURE, OUTPUT = "/dev/video0", "/dev/video1"
INDEX = 250  # of the demo's frames: the astronaut on the left, the admiral on the right
MIDDLE_X = 320  # px, between the two
TIMINGS = "index=0"  # 640x480 at 59.9 frames/s; the driver crashes at custom ones
# Attributes of the two: a probability above a half, or below it.
LEFT = {"Smiling": True, "Eyeglasses": False, "Wearing_Hat": False}
RIGHT = {"Smiling": False, "Eyeglasses": True, "Wearing_Hat": True, "Male": True}


def write_scene(path: Path) -> None:
    """Write the one picture that is played over and over, 640x480 pixels of B, G, R."""
    frame = next(frame for frame in Demo() if frame.index == INDEX)
    path.write_bytes(frame.bgr.tobytes())


def play(guest: Guest, picture: str, timeout_s: float) -> None:
    """Show two people to the camera; its reader must be restarted after that."""
    guest.must(
        f"""set -e
        v4l2-ctl -d {CAPTURE} -i 3 -c hdmi_000_0_is_connected_to=2,osd_text_mode=2
        v4l2-ctl -d {OUTPUT} -o 1
        for device in {CAPTURE} {OUTPUT}; do v4l2-ctl -d $device --set-dv-bt-timings {TIMINGS}; done
        v4l2-ctl -d {OUTPUT} --set-fmt-video-out=width=640,height=480,pixelformat=BGR3
        systemd-run --quiet --unit=scene --property=StandardOutput=null \\
            --property=StandardError=null v4l2-ctl -d {OUTPUT} --stream-out-mmap --stream-loop \\
            --stream-from={picture}""",
        timeout_s,
    )


def classified_correctly(text: str) -> tuple[bool, str]:
    """Return whether both people are classified correctly in their last rows, and as what."""
    last = {float(row["x"]) > MIDDLE_X: row for row in read_rows(text) if row["Smiling"]}
    seen = []
    correct = len(last) == 2
    for side, attributes in ((False, LEFT), (True, RIGHT)):
        for name, present in attributes.items() if side in last else ():
            probability = float(last[side][name])
            correct &= (probability > 0.5) == present
            seen.append(f"{name} {probability:.2f}")
        seen.append("/")
    return correct, " ".join(seen).strip(" /")
