"""The faults, in the order of the table."""

from tests.faults.fault import Fault

FAULTS = (
    Fault("kill", "kill -9 at a random moment", 200, 3, 420, "moments.kill_9"),
    Fault("power", "power cut at a random moment", 20, 1, 120, "power.cut"),
    Fault("sigterm", "SIGTERM at a random moment", 50, 2, 180, "moments.sigterm"),
    Fault("unplugged", "camera unplugged and back", 50, 1, 360, "cameras.unplugged"),
    Fault("frozen", "frozen camera, driver or process", 9, 1, 120, "cameras.frozen"),
    Fault("silent", "frozen camera, the unit's own watchdog", 2, 0, 90, "cameras.silent"),
    Fault("helper", "recognition process killed or stopped", 4, 1, 240, "helper.stopped"),
    Fault("wire", "answers of a camera that never end", 21, 5, 300, "network.hostile_answers"),
    Fault("elsewhere", "camera that leads to another host", 11, 3, 120, "network.elsewhere"),
    Fault("secrets", "a camera's password", 5, 1, 90, "network.secrets"),
    Fault("photos", "hostile folder of photos", 5, 1, 120, "photos.hostile_folder"),
    Fault("window", "X server killed under the window", 5, 1, 120, "outputs.window_killed"),
    Fault("record", "kill -9 of a recording", 20, 2, 180, "outputs.recording_killed"),
    Fault("root", "root in a hostile folder", 6, 6, 60, "root.people_file"),
    Fault("install", "installer in a hostile folder", 2, 1, 180, "root.installer"),
    Fault("full", "disk full and freed", 8, 1, 120, "disks.full"),
    Fault("start", "disk full at the start", 5, 1, 60, "disks.full_at_the_start"),
    Fault("folder", "log folder removed and back", 9, 3, 120, "disks.folder_removed"),
    Fault("clock", "clock set back and forth", 30, 3, 90, "clock.set_to_and_fro"),
    Fault("jump", "clock ten years ahead", 1, 1, 60, "clock.jump_forward"),
    Fault("late", "clock set after the start", 3, 1, 90, "clock.set_after_the_start"),
    Fault("model", "model file replaced while running", 3, 1, 120, "model.replaced"),
    Fault("frames", "frames at full speed", 500_000, 4_000, 600, "endurance.full_speed"),
    Fault("settings", "fuzzed settings files", 2_500, 100, 120, "fuzzed_texts.settings_files"),
    Fault("csv", "fuzzed logs to go on with", 2_500, 100, 120, "fuzzed_texts.csv_resume"),
    Fault("cards", "fuzzed model cards", 2_500, 100, 180, "fuzzed_texts.model_cards"),
    Fault(
        "people", "fuzzed files of enrolled people", 2_500, 100, 120, "fuzzed_texts.people_files"
    ),
    Fault("networks", "fuzzed networks", 60, 3, 180, "fuzzed_binaries.networks"),
    Fault("pictures", "fuzzed picture files", 2_500, 100, 180, "fuzzed_binaries.picture_files"),
)
