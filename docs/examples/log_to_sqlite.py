"""Write a row per face and frame into an SQLite database.

    python log_to_sqlite.py film.mp4 faces.db
    sqlite3 faces.db "select track, avg(smiling) from faces group by track"

The probabilities are null in frames where the face was not classified.
"""

import contextlib
import sqlite3
import sys

import facet

TABLE = """create table if not exists faces
    (time text, source text, track integer, x real, y real, w real, h real, state text,
     smiling real, eyeglasses real)"""

source, path = sys.argv[1:]
with contextlib.closing(sqlite3.connect(path)) as database:
    database.execute(TABLE)
    for frame, faces in facet.watch(source):
        rows = [
            (
                frame.time.isoformat(),
                frame.source,
                face.id,
                *face.box,
                face.state,
                *(face[name] for name in ("Smiling", "Eyeglasses")),
            )
            for face in faces
        ]
        with database:  # a transaction per frame: a row is in the file whole, or not at all
            database.executemany("insert into faces values (?,?,?,?,?,?,?,?,?,?)", rows)
    (count,) = database.execute("select count(*) from faces").fetchone()
print(f"{count} rows in {path}")
