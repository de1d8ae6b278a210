"""SQL over the files of Facet: logs, visits, counts and stores, as views, by DuckDB.

    with open_query([Path("faces.csv"), Path("visits.parquet")]) as query:
        for row in query.run("select state, count(*) from faces group by state").rows:
            print(row)

Nothing can be written, and no other file read. Modules: `files` what the files are; `archived`
what archives say about themselves; `views` their
columns as SQL; `engine` DuckDB, locked; `faults` its errors in one line; `output` tables, CSV and
JSON. DuckDB is the extra `query`; it takes 100 to 200 MB of memory, too much for a Pi Zero.
"""
