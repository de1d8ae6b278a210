"""The faults, in the order of the table."""

from tests.faults import cameras, clock, disks, endurance, fuzz, helper, model, moments, power
from tests.faults.fault import Fault

FAULTS = (
    Fault("kill", "kill -9 at a random moment", 200, 4, 420, moments.kill_9),
    Fault("power", "power cut at a random moment", 20, 1, 120, power.cut),
    Fault("sigterm", "SIGTERM at a random moment", 50, 2, 180, moments.sigterm),
    Fault("unplugged", "camera unplugged and back", 50, 2, 360, cameras.unplugged),
    Fault("frozen", "frozen camera, driver or process", 9, 1, 120, cameras.frozen),
    Fault("silent", "frozen camera, the unit's own watchdog", 2, 0, 90, cameras.silent),
    Fault("helper", "recognition process killed or stopped", 4, 1, 240, helper.stopped),
    Fault("full", "disk full and freed", 8, 2, 120, disks.full),
    Fault("start", "disk full at the start", 5, 1, 60, disks.full_at_the_start),
    Fault("folder", "log folder removed and back", 9, 3, 120, disks.folder_removed),
    Fault("clock", "clock set back and forth", 30, 3, 90, clock.set_to_and_fro),
    Fault("jump", "clock ten years ahead", 1, 1, 60, clock.jump_forward),
    Fault("late", "clock set after the start", 3, 1, 90, clock.set_after_the_start),
    Fault("model", "model file replaced while running", 3, 1, 120, model.replaced),
    Fault("frames", "frames at full speed", 500_000, 4_000, 600, endurance.full_speed),
    Fault("settings", "fuzzed settings files", 2_500, 100, 120, fuzz.settings_files),
    Fault("csv", "fuzzed logs to go on with", 2_500, 100, 120, fuzz.csv_resume),
    Fault("cards", "fuzzed model cards", 2_500, 100, 180, fuzz.model_cards),
    Fault("people", "fuzzed files of enrolled people", 2_500, 100, 120, fuzz.people_files),
    Fault("networks", "fuzzed networks", 60, 3, 180, fuzz.networks),
    Fault("pictures", "fuzzed picture files", 2_500, 100, 180, fuzz.picture_files),
)
