"""Take the visits and counts of many cameras from an MQTT broker into one PostgreSQL database.

    python -m device.fleet setup --database "host=db dbname=facet user=facet" --reader grafana
    python -m device.fleet ingest --database "host=db dbname=facet user=facet" \\
        --broker broker.example.org --user ingest --password-file ingest.password --ca-file ca.crt
    python -m device.fleet versions --database "host=db dbname=facet user=facet"
    python -m device.fleet dead-letters list      # with --database, as in all of these
    python -m device.fleet dead-letters retry
    python -m device.fleet dead-letters delete --days 30

`setup` makes and migrates the tables, `ingest` runs until it is stopped by SIGTERM or Ctrl-C, and
`versions` prints how many cameras use which version and model. `dead-letters` are the messages that
the ingest has refused: `list` prints how many there are for which reason, `retry` stores those that
this version of Facet takes, each once, and `delete` removes those that came last more than so many
days ago. The database's password comes from PGPASSFILE or PGPASSWORD. docs/FLEET.md sets up the
broker, the database and the cameras.
Packages: pip install -r requirements-mqtt.txt -r requirements-postgres.txt

Exit codes: 0 done or stopped, 1 the database is away or refuses, 2 wrong usage or a database that
is not Facet's, 3 the password's file cannot be read.
"""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FacetError, SourceError, UsageError, one_line
from ..log import log
from ..text import counted, printable
from .command import Parser, SubcommandParser, count, exit_with
from .loop import stop_at_signals

if TYPE_CHECKING:
    from ..fleet.database import FleetDatabase
    from ..mqtt.access import Access

MAX_BATCH = 8000  # 8 batches are in flight, and MQTT numbers 65,535 messages


def parser() -> Parser:
    top = Parser("device.fleet", __doc__ or "")
    verbs = top.add_subparsers(
        dest="verb",
        metavar="setup|ingest|versions|dead-letters",
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
    refused = verbs.add_parser("dead-letters", help="list, store or delete refused messages")
    for verb in (setup, ingest, versions, *_add_dead_letters(refused)):
        verb.add_argument(
            "--database", metavar="DSN", default="dbname=facet", help="default dbname=facet"
        )
    return top


def _add_dead_letters(parser: SubcommandParser) -> list[SubcommandParser]:
    """Add what can be done with dead letters; return the parsers."""
    verbs = parser.add_subparsers(
        dest="dead_letters",
        metavar="list|retry|delete",
        required=True,
        parser_class=SubcommandParser,
    )
    delete = verbs.add_parser("delete", help="delete those that came last long ago")
    delete.add_argument(
        "--days",
        type=count,
        required=True,
        metavar="N",
        help="that did not come within the last N days; 0: all",
    )
    listing = verbs.add_parser("list", help="print how many there are, by topic and reason")
    return [listing, verbs.add_parser("retry", help="store those that can be stored now"), delete]


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
    run = {
        "setup": _set_up,
        "ingest": _ingest,
        "versions": _versions,
        "dead-letters": _dead_letters,
    }[options.verb]
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

    with (
        closing(FleetDatabase(options.database)) as database,
        database.using() as (_, engine),
    ):
        rows = engine.connection.execute(VERSIONS).fetchall()
    _print_table(("version", "model", "cameras", "online"), rows)


def _dead_letters(options: Namespace) -> None:
    from ..fleet.database import FleetDatabase

    run = {"list": _list_refused, "retry": _retry_refused, "delete": _delete_refused}
    with closing(FleetDatabase(options.database)) as database:
        run[options.dead_letters](database, options)


def _list_refused(database: FleetDatabase, options: Namespace) -> None:
    from ..fleet.dead_letters import groups
    from ..store.rows import iso

    names = ("topic", "reason", "messages", "times", "first", "last")
    found = groups(database)
    _print_table(
        names,
        (
            (one.topic, one.reason, one.messages, one.times, iso(one.first), iso(one.last))
            for one in found
        ),
    )


def _retry_refused(database: FleetDatabase, options: Namespace) -> None:
    from ..fleet.dead_letters import store_again

    done = store_again(database)
    log.info(
        "stored %s and %s of counts, %d left",
        counted(done.visits, "visit"),
        counted(done.counts, "row"),
        done.left.total(),
    )
    if done.left:
        _print_table(("left", "reason"), ((many, why) for why, many in done.left.most_common()))


def _delete_refused(database: FleetDatabase, options: Namespace) -> None:
    from ..fleet.dead_letters import delete_older

    try:
        before = datetime.now(UTC) - timedelta(days=options.days)
    except OverflowError:
        raise UsageError(
            f"--days {one_line(options.days, 40)} is before all times", "--days 30"
        ) from None
    log.info("deleted %s", counted(delete_older(database, before), "dead letter"))


def _print_table(names: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print lines of columns with tabs between them."""
    print(*names, sep="\t")
    for row in rows:
        print(*(printable(str(value)) for value in row), sep="\t")


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
