"""Take the visits and counts of many cameras from an MQTT broker into one PostgreSQL database.

    python -m device.fleet setup --database "host=db dbname=facet user=facet" --reader grafana
    python -m device.fleet ingest --database "host=db dbname=facet user=facet" \\
        --broker broker.example.org --user ingest --password-file ingest.password --ca-file ca.crt
    python -m device.fleet versions --database "host=db dbname=facet user=facet"

`setup` makes and migrates the tables, `ingest` runs until it is stopped by SIGTERM or Ctrl-C, and
`versions` prints how many cameras use which version and model. The database's password comes from
PGPASSFILE or PGPASSWORD. docs/FLEET.md sets up the broker, the database and the cameras.
Packages: pip install -r requirements-mqtt.txt -r requirements-postgres.txt

Exit codes: 0 done or stopped, 1 the database is away or refuses, 2 wrong usage or a database that
is not Facet's, 3 the password's file cannot be read.
"""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FacetError, SourceError, UsageError, one_line
from ..log import log
from .command import Parser, SubcommandParser, count, exit_with
from .loop import stop_at_signals

if TYPE_CHECKING:
    from ..mqtt.access import Access

MAX_BATCH = 8000  # 8 batches are in flight, and MQTT numbers 65,535 messages


def parser() -> Parser:
    top = Parser("device.fleet", __doc__ or "")
    verbs = top.add_subparsers(
        dest="verb",
        metavar="setup|ingest|versions",
        required=True,
        parser_class=SubcommandParser,
    )
    setup = verbs.add_parser("setup", help="make and migrate the tables")
    setup.add_argument("--reader", metavar="ROLE", default="", help="role that may read all tables")
    ingest = verbs.add_parser("ingest", help="take messages into the database until stopped")
    _add_broker(ingest)
    ingest.add_argument(
        "--batch",
        type=count,
        default=4000,
        metavar="N",
        help="messages of one transaction at most (default 4000)",
    )
    ingest.add_argument(
        "--wait-s",
        type=float,
        default=0.5,
        metavar="S",
        help="time for which a transaction waits for more messages (default 0.5)",
    )
    ingest.add_argument(
        "--keep-months",
        type=count,
        default=0,
        metavar="N",
        help="months of visits to keep, this one among them; 0: all (default)",
    )
    versions = verbs.add_parser("versions", help="print which versions and models are in use")
    for verb in (setup, ingest, versions):
        verb.add_argument(
            "--database", metavar="DSN", default="dbname=facet", help="default dbname=facet"
        )
    return top


def _add_broker(ingest: SubcommandParser) -> None:
    ingest.add_argument(
        "--broker", metavar="HOST[:PORT]", required=True, help="port 1883, with --ca-file 8883"
    )
    ingest.add_argument("--user", metavar="NAME", default="", help="user of the broker")
    ingest.add_argument("--password-file", type=Path, metavar="FILE", help="the user's password")
    ingest.add_argument(
        "--ca-file", type=Path, metavar="FILE", help="authority of the broker; encrypts"
    )
    ingest.add_argument(
        "--client-id",
        metavar="ID",
        default="facet-ingest",
        help="the broker keeps messages for it (default facet-ingest); one ingest may use it",
    )


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    run = {"setup": _set_up, "ingest": _ingest, "versions": _versions}[options.verb]
    run(options)
    return 0


def _set_up(options: Namespace) -> None:
    from ..fleet import tables
    from ..store.postgres import PostgresEngine, open_postgres, psycopg_errors

    with open_postgres(options.database) as store:
        engine = store.engine
        assert isinstance(engine, PostgresEngine)
        try:
            tables.set_up(engine, options.reader)
        except psycopg_errors() as error:
            raise FacetError(
                f"{engine.name} refuses: {one_line(error)}",
                "--database with a user that owns the database, and --reader with a role of it",
            ) from error
        log.info("%s has the tables of a fleet", engine.name)


def _ingest(options: Namespace) -> None:
    if not 1 <= options.batch <= MAX_BATCH:
        raise UsageError(f"--batch {options.batch}, need 1 to {MAX_BATCH}", "--batch 4000")
    if not 0 <= options.wait_s <= 60:
        raise UsageError(f"--wait-s {options.wait_s}, need 0 to 60", "--wait-s 0.5")
    access = _access(options)
    from ..fleet.database import DatabaseAwayError, FleetDatabase
    from ..fleet.ingest import Ingest, IngestOptions

    stop = stop_at_signals()
    database = FleetDatabase(options.database)
    try:
        database.open()  # wrong tables end it now
    except DatabaseAwayError as error:
        log.warning("%s", error)
    settings = IngestOptions(options.client_id, options.batch, options.wait_s, options.keep_months)
    Ingest(access, database, settings, stop.is_set).run()


def _versions(options: Namespace) -> None:
    from ..fleet.database import FleetDatabase
    from ..fleet.tables import VERSIONS

    database = FleetDatabase(options.database)
    try:
        rows = database.open().connection.execute(VERSIONS).fetchall()
    finally:
        database.close()
    print("version\tmodel\tcameras\tonline")
    for row in rows:
        print(*row, sep="\t")


def _access(options: Namespace) -> Access:
    """Return how to reach the broker, of the flags."""
    found = re.fullmatch(
        r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]/\s]+))(?::([0-9]{1,5}))?", options.broker
    )
    port = int(found[3] or 0) if found else 0
    if not found or port > 65535:
        raise UsageError(
            f"--broker {one_line(repr(options.broker), 80)} is no address",
            "--broker broker.example.org:8883",
        )
    if options.password_file and not options.user:
        raise UsageError("--password-file without --user", "--user ingest")
    if not re.fullmatch(r"[\w.-]{1,64}", options.client_id):
        raise UsageError(
            f"--client-id {one_line(repr(options.client_id), 80)}, need up to 64 letters, digits, "
            "., _ and -",
            "--client-id facet-ingest",
        )
    from ..mqtt.access import access_of
    from ..settings import MqttSettings

    settings = MqttSettings(
        host=found[1] or found[2],
        port=port,
        user=options.user,
        password_file=options.password_file,
        tls=options.ca_file is not None,
        ca_file=options.ca_file,
    )
    try:
        return access_of(settings)
    except SourceError as error:
        raise SourceError(error.message, "--password-file that this user may read") from None
    except UsageError as error:
        raise UsageError(error.message, "--ca-file with the authority's certificate") from None


if __name__ == "__main__":
    exit_with(main)
