"""The tables of a fleet in PostgreSQL, beside visits, hours and counts of `store`.

cameras       a row for each camera: whether it is online, its version, model and temperature
dead_letters  a row for each message that is no row of another table, and why
"""

from __future__ import annotations

from datetime import date

from ..store.postgres import PostgresEngine

CAMERAS = """\
CREATE TABLE IF NOT EXISTS cameras (
    camera TEXT PRIMARY KEY,
    online BOOLEAN,
    online_since TIMESTAMPTZ,
    version TEXT,
    model TEXT,
    fps DOUBLE PRECISION,
    temperature_c DOUBLE PRECISION,
    heard TIMESTAMPTZ NOT NULL
)"""

# A message that comes again is counted, and takes no further row.
DEAD_LETTERS = """\
CREATE TABLE IF NOT EXISTS dead_letters (
    topic TEXT NOT NULL,
    digest TEXT NOT NULL,
    reason TEXT NOT NULL,
    payload BYTEA NOT NULL,
    first TIMESTAMPTZ NOT NULL,
    last TIMESTAMPTZ NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (topic, digest)
)"""

# A few pages for a month: rows come in the order in which they are stored. New months get it too.
BY_TIME = "CREATE INDEX IF NOT EXISTS visits_by_time ON visits USING brin (stored, first_seen)"

UPSERT_CAMERA = """\
INSERT INTO cameras (camera, online, online_since, version, model, fps, temperature_c, heard)
VALUES (%(camera)s, %(online)s::boolean, CASE WHEN %(online)s::boolean IS NULL THEN NULL
    ELSE now() END, %(version)s::text, %(model)s::text, %(fps)s::float8,
    %(temperature_c)s::float8, now())
ON CONFLICT (camera) DO UPDATE SET
    online = coalesce(excluded.online, cameras.online),
    online_since = CASE WHEN excluded.online IS DISTINCT FROM cameras.online
        AND excluded.online IS NOT NULL THEN now() ELSE cameras.online_since END,
    version = coalesce(excluded.version, cameras.version),
    model = coalesce(excluded.model, cameras.model),
    fps = coalesce(excluded.fps, cameras.fps),
    temperature_c = coalesce(excluded.temperature_c, cameras.temperature_c),
    heard = now()"""

# A camera that floods fills no disk: what exceeds the limit of its topic is not kept.
INSERT_DEAD_LETTER = """\
INSERT INTO dead_letters (topic, digest, reason, payload, first, last, times)
SELECT %(topic)s::text, %(digest)s::text, %(reason)s::text, %(payload)s::bytea, now(), now(), 1
WHERE EXISTS (SELECT FROM dead_letters WHERE topic = %(topic)s AND digest = %(digest)s)
    OR (SELECT count(*) FROM dead_letters WHERE topic = %(topic)s) < %(limit)s::bigint
ON CONFLICT (topic, digest) DO UPDATE SET last = now(), times = dead_letters.times + 1"""

VERSIONS = """\
SELECT coalesce(version, 'unknown') AS version, coalesce(model, 'unknown') AS model,
    count(*) AS cameras, count(*) FILTER (WHERE online) AS online
FROM cameras GROUP BY 1, 2 ORDER BY cameras DESC, 1, 2"""

MONTHS = """\
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'visits'::regclass AND c.relname ~ '^visits_[0-9]{4}_[0-9]{2}$' ORDER BY 1"""


def set_up(engine: PostgresEngine, reader: str = "") -> None:
    """Make the tables that are missing; reader: role that may read all tables, as Grafana's."""
    from psycopg import sql

    with engine.connection.transaction():
        engine.connection.execute(CAMERAS)
        engine.connection.execute(DEAD_LETTERS)
        engine.connection.execute(BY_TIME)
        if reader:
            grant = sql.SQL("GRANT SELECT ON visits, hours, counts, cameras, dead_letters TO {}")
            engine.connection.execute(grant.format(sql.Identifier(reader)))


def months(engine: PostgresEngine) -> list[str]:
    """Return the tables of months of visits, oldest first: visits_2026_11."""
    return [name for (name,) in engine.connection.execute(MONTHS).fetchall()]


def drop_months(engine: PostgresEngine, keep: int, today: date) -> list[str]:
    """Drop the visits of months before the last `keep`, this month among them; return which.

    Hours and counts stay.
    """
    oldest = today.year * 12 + today.month - keep  # counts months from 0
    limit = f"visits_{oldest // 12:04}_{oldest % 12 + 1:02}"
    dropped = [name for name in months(engine) if name < limit]
    for name in dropped:
        engine.connection.execute(f"DROP TABLE {name}")
    return dropped
