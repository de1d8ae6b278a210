"""Facet broken on purpose: each check of the suite must fail on the mutant that is made for it.

    python -m tests.faults --mutants

A mutant replaces one function of the product, in the process that is to survive the fault only.
"""

import os

from tests.faults import broken_inputs as inputs
from tests.faults import broken_rows as rows
from tests.faults.mutant import Mutant

VARIABLE = "FACET_MUTANT"  # its name, in the environment of the processes of one fault
NOT_APPLIED = "this mutant no longer fits the product"


def apply_chosen() -> None:
    """Apply the mutant that the environment names, if any; SystemExit if it does not fit."""
    if name := os.environ.get(VARIABLE):
        (mutant,) = (one for one in MUTANTS if one.name == name)
        try:
            mutant.apply()
        except Exception as error:
            raise SystemExit(f"{NOT_APPLIED}: {error!r}") from error


MUTANTS = (
    Mutant("late-rows", "kill", 6, "rows reach the kernel 2 s late", rows.late_rows),
    Mutant(
        "torn-rows", "kill", 12, "a row is written in two parts, torn ones stay", rows.torn_rows
    ),
    Mutant("no-fsync", "power", 4, "no fsync", rows.no_sync),
    Mutant("slow-stop", "sigterm", 2, "the log takes 2.5 s to close", rows.slow_stop),
    Mutant("unflushed-end", "sigterm", 4, "the last rows are not written", rows.unflushed_end),
    Mutant("leaked-handles", "unplugged", 2, "a handle stays open each time", rows.leaked_handles),
    Mutant("blind-watchdog", "frozen", 2, "signs of life without frames", rows.blind_watchdog),
    Mutant("endless-patience", "silent", 1, "a silent camera is waited for", rows.endless_patience),
    Mutant(
        "unwatched-helper", "helper", 2, "nobody watches the recognition", rows.unwatched_helper
    ),
    Mutant("helper-once", "helper", 1, "a recognition process is not replaced", rows.helper_once),
    Mutant("large-parts", "wire", 1, "a part of any size is read", inputs.large_parts),
    Mutant("no-deadline", "wire", 4, "an answer may take any time", inputs.no_deadline),
    Mutant("any-host", "elsewhere", 1, "another host is the camera's", inputs.any_host),
    Mutant("bare-address", "secrets", 1, "an address is its own name", inputs.bare_address),
    Mutant("any-size", "photos", 1, "a photo may take any memory", inputs.any_size),
    Mutant("any-format", "photos", 1, "Pillow opens every format", inputs.any_format),
    Mutant("any-file", "photos", 1, "pipes and devices are opened", inputs.any_file),
    Mutant("bare-names", "photos", 1, "names are written as they are", inputs.bare_names),
    Mutant("needed-window", "window", 1, "the run ends with its window", inputs.needed_window),
    Mutant("late-index", "record", 1, "a video's index is at its end", inputs.late_index),
    Mutant("followed-link", "root", 1, "a link at the file is followed", inputs.followed_link),
    Mutant("open-installer", "install", 1, "its Python is not isolated", inputs.open_installer),
    Mutant("swallowed-fault", "full", 2, "errors of the disk are swallowed", rows.swallowed_fault),
    Mutant("old-folder", "folder", 2, "a renamed file is written on", rows.blind_to_a_new_folder),
    Mutant("many-files", "clock", 8, "a file for each change", rows.a_file_for_each_change_of_day),
    Mutant("dwell", "clock", 3, "visits are measured by the clock", rows.dwell_by_the_clock),
    Mutant("hasty-age", "jump", 1, "any clock decides what is old", rows.deletes_by_any_clock),
    Mutant("unmarked", "late", 1, "no time carries a mark", rows.unmarked_times),
    Mutant("hasty-mark", "late", 1, "the day of marked rows counts", rows.marks_do_not_count),
    Mutant("hasty-start", "start", 1, "a full disk ends the start", rows.no_waiting_start),
    Mutant(
        "reloaded-model", "model", 1, "a replaced model is loaded at once", inputs.reloaded_model
    ),
    Mutant("leaked-memory", "frames", 8000, "4 kB of each frame are kept", inputs.leaked_memory),
    Mutant("leaked-files", "frames", 8000, "a handle every 100 frames", inputs.handle_a_frame),
    Mutant("bare-error", "settings", 100, "another error than Facet's", inputs.bare_value_error),
    Mutant("torn-kept", "csv", 400, "a torn line stays at the start", inputs.torn_line_kept),
    Mutant("any-card", "cards", 400, "a card's numbers are not checked", inputs.unchecked_card),
    Mutant(
        "bare-photo-error", "pictures", 100, "another error than Facet's", inputs.bare_photo_error
    ),
    Mutant(
        "any-template",
        "people",
        400,
        "a template's numbers are not checked",
        inputs.unbounded_templates,
    ),
    Mutant("no-trial", "networks", 4, "an unknown model is loaded at once", inputs.no_trial),
)
