"""Anonymous counts: visits per interval in groups too large to single a person out, and the report.

    python -m device.run --counts counts.csv
    python -m device.counts report counts.csv --out week.html

A run's side: `hold` joins visits at one place; `counter` holds visits back until their group is
large enough; `groups` are the tables it does so by; `rows` is the file's format. The report's
side: `read` the files again; `rates` the model's errors; `figures` what the report says; `private`
noise of differential privacy; `page`, `charts`, `sheets` and `paper` how it is shown.
"""
