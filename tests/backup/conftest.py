"""Databases of both kinds, each empty."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.parts.postgres import Postgres

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgresql)
BOTH = ["sqlite", POSTGRESQL]
MakeDatabase = Callable[[str], Awaitable[str]]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    with Postgres() as server:
        yield server


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> MakeDatabase:
    """Return a maker of empty databases of a kind, which gives their URLs."""
    made: list[str] = []

    async def make(kind: str) -> str:
        made.append(kind)
        if kind == "sqlite":
            return f"sqlite:///{tmp_path}/{len(made)}/leeward.db"
        server: Postgres = request.getfixturevalue("postgres")
        return await server.new_database()

    return make
