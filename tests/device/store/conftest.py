"""Both engines, for the tests that hold for each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from device.store.postgres import open_postgres
from device.store.sqlite import open_sqlite
from device.store.store import Store

from . import postgres_server

NAMES = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a server."""
    with postgres_server.server() as address:
        yield address


@pytest.fixture
def database(postgres: str) -> str:
    """The address of an empty database: a schema of its own, which takes less time to make."""
    import psycopg

    name = f"facet{next(NAMES)}"
    with psycopg.connect(f"{postgres} dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
    return f"{postgres} dbname=postgres options='-c search_path={name}'"


@pytest.fixture(params=["sqlite", "postgres", "postgres, one table"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens the same store, as often as it is called."""
    if request.param == "sqlite":
        return lambda: open_sqlite(tmp_path / "facet.db")
    address = request.getfixturevalue("database")
    return lambda: open_postgres(address, request.param == "postgres")
