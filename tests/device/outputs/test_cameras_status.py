"""The status lines of several cameras in a service's journal."""

from device.outputs.cameras_status import CamerasStatusLog, CameraStatus
from tests.device.outputs.made_up import face, result


def test_a_line_has_the_rate_of_each_camera(capsys):
    clock, dropped = [0.0], [0]

    def cameras():
        return [CameraStatus("usb:0", dropped[0]), CameraStatus("usb:1", 0, "reconnecting")]

    with CamerasStatusLog(60.0, cameras, lambda: 51.6, lambda: clock[0]) as status:
        for index in range(241):  # usb:0 with 2 frames/s for two minutes, usb:1 for 20 s with 1
            clock[0], dropped[0] = index / 2, index * 3
            status.write(result(face(1), face(2), index=index, source="usb:0"))
            if index < 40 and index % 2 == 0:
                status.write(result(face(1), index=index, source="usb:1"))
    assert capsys.readouterr().err.splitlines() == [
        "facet: last 60 s: usb:0 2.0 frames/s, 2 faces, 360 dropped; "
        "usb:1 0.3 frames/s, 1 face, 0 dropped, reconnecting; 52 °C",
        "facet: last 60 s: usb:0 2.0 frames/s, 2 faces, 360 dropped; "
        "usb:1 0.0 frames/s, 0 faces, 0 dropped, reconnecting; 52 °C",
    ]


def test_without_faces_the_line_says_nothing_about_people(capsys):
    clock = iter([0.0, 1.0])
    log = CamerasStatusLog(
        1.0, lambda: [CameraStatus("a", 0)], lambda: None, lambda: next(clock), faces=False
    )
    log.write(result(face(1), source="a"))
    assert capsys.readouterr().err == "facet: last 1 s: a 1.0 frames/s, 0 dropped\n"
