"""Visits, hours and counts in a database: SQLite on one computer, PostgreSQL for many cameras.

    with open_sqlite(Path("facet.db")) as store:
        store.add_visits([row_of_visit(visit, "kitchen", ["Smiling"])])
        for hour in store.query(VISITS_BY_HOUR, {"since": "2026-11-01", "until": "2026-12-01"}):
            print(hour["hour"], hour["visits"])

Modules: `schema` tables and statements for both engines; `rows` what becomes a row; `store` what
both engines do alike: migration, upserts, retention; `sqlite` and `postgres` open one; `writer`
the thread that stores a run's visits. Nothing of it is imported unless the settings enable it.
"""
