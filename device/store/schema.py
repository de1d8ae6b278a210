"""The tables of a store, as SQL that both SQLite (3.24 or later) and PostgreSQL (11 or later) take.

    visits  a row for each visit; its key is the visit's id
    hours   a row for each camera and hour with visits: how many, and for how long
    counts  a row for each camera, time and kind of visit: how many; anonymous
    facet_store  the version of these tables

Plain SQL, not SQLAlchemy Core: the statements are few, both engines have the same upsert, and
SQLite is in Python already, while SQLAlchemy is a package of 20 MB for a Pi to install and import.
What differs is the style of parameters, which `postgres` translates from `:name`.

Types: SQLite takes the names of PostgreSQL's. There a TIMESTAMPTZ is text such as
2026-11-27T08:53:20.024Z, which sorts by time; a BOOLEAN is 0 or 1, and JSONB is text. One
probability is `attributes ->> 'Smiling'` in both (SQLite 3.38 or later), as text in PostgreSQL.
"""

# Of the tables; a store of an older version is migrated, one of a newer version is refused.
VERSION = 2

# The key is the id. first_seen is part of it because PostgreSQL's partitions, by month, need it
# there; it is part of what the id is made of, so an id never has two.
VISITS = """\
CREATE TABLE visits (
    id TEXT NOT NULL CHECK (length(id) = 16),
    camera TEXT NOT NULL,
    first_seen TIMESTAMPTZ NOT NULL,
    last_seen TIMESTAMPTZ NOT NULL,
    hour TIMESTAMPTZ NOT NULL,
    clock_set BOOLEAN NOT NULL,
    source TEXT,
    track INTEGER,
    dwell_s DOUBLE PRECISION NOT NULL CHECK (dwell_s >= 0),
    frames_classified INTEGER NOT NULL CHECK (frames_classified >= 0),
    attributes JSONB NOT NULL,
    person TEXT,
    person_score DOUBLE PRECISION,
    stored TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (id, first_seen)
)"""

HOURS = """\
CREATE TABLE hours (
    camera TEXT NOT NULL,
    hour TIMESTAMPTZ NOT NULL,
    visits INTEGER NOT NULL,
    classified INTEGER NOT NULL,
    dwell_s DOUBLE PRECISION NOT NULL,
    longest_s DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (camera, hour)
)"""

# The rows of a counts file, whose column "end" is a word of SQL, so it is `until` here. visits is
# null where it is withheld.
COUNTS = """\
CREATE TABLE counts (
    camera TEXT NOT NULL,
    start TIMESTAMPTZ NOT NULL,
    until TIMESTAMPTZ NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    visits INTEGER,
    PRIMARY KEY (camera, source, start, until, kind, name, value)
)"""

# The statements that lead from version n to n + 1, from n = 0: no tables.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (VISITS, "CREATE INDEX visits_by_hour ON visits (camera, hour)", HOURS),
    (COUNTS,),
)

VERSION_TABLE = "CREATE TABLE facet_store (version INTEGER NOT NULL)"
SELECT_VERSION = "SELECT version FROM facet_store"
INSERT_VERSION = "INSERT INTO facet_store (version) VALUES (:version)"
UPDATE_VERSION = "UPDATE facet_store SET version = :version"

# A visit may come twice, from MQTT after a fault; the id makes it one row. A message has neither
# source nor track, so it does not erase those that the store has.
UPSERT_VISIT = """\
INSERT INTO visits (id, camera, first_seen, last_seen, hour, clock_set, source, track, dwell_s,
    frames_classified, attributes, person, person_score, stored)
VALUES (:id, :camera, :first_seen, :last_seen, :hour, :clock_set, :source, :track, :dwell_s,
    :frames_classified, :attributes, :person, :person_score, :stored)
ON CONFLICT (id, first_seen) DO UPDATE SET
    source = coalesce(excluded.source, visits.source),
    track = coalesce(excluded.track, visits.track),
    attributes = excluded.attributes,
    person = coalesce(excluded.person, visits.person),
    person_score = coalesce(excluded.person_score, visits.person_score)"""

# Counted again from the visits, so a visit that comes twice counts once. An hour's visits only
# grow: fewer means that the old ones were deleted, and the row keeps what it has. The bounds of
# first_seen let PostgreSQL look into one partition.
UPDATE_HOUR = """\
INSERT INTO hours (camera, hour, visits, classified, dwell_s, longest_s)
SELECT camera, hour, count(*), sum(CASE WHEN frames_classified > 0 THEN 1 ELSE 0 END),
    sum(dwell_s), max(dwell_s)
FROM visits
WHERE camera = :camera AND hour = :hour AND first_seen >= :hour AND first_seen < :next_hour
GROUP BY camera, hour
ON CONFLICT (camera, hour) DO UPDATE SET visits = excluded.visits,
    classified = excluded.classified, dwell_s = excluded.dwell_s, longest_s = excluded.longest_s
WHERE excluded.visits >= hours.visits"""

UPSERT_COUNT = """\
INSERT INTO counts (camera, start, until, source, kind, name, value, visits)
VALUES (:camera, :start, :until, :source, :kind, :name, :value, :visits)
ON CONFLICT (camera, source, start, until, kind, name, value)
DO UPDATE SET visits = excluded.visits"""

DELETE_VISITS = "DELETE FROM visits WHERE first_seen < :before"

# Queries for both engines.
VISITS_BY_HOUR = """\
SELECT hour, sum(visits) AS visits, sum(dwell_s) / sum(visits) AS mean_dwell_s
FROM hours WHERE hour >= :since AND hour < :until GROUP BY hour ORDER BY hour"""
VISITS_BY_CAMERA = """\
SELECT camera, sum(visits) AS visits, max(longest_s) AS longest_s
FROM hours WHERE hour >= :since AND hour < :until GROUP BY camera ORDER BY camera"""
