"""Stores of every kind, each empty."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.scheduler.store.base import Store
from services.scheduler.store.open import open_store
from tests.parts.postgres import Postgres

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgresql)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    with Postgres() as server:
        yield server


@pytest.fixture
async def postgres_url(postgres: Postgres) -> str:
    """An empty database on it."""
    return await postgres.new_database()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file that does not exist yet."""
    return f"sqlite:///{tmp_path}/leeward.db"


@pytest.fixture(params=["memory", "sqlite", POSTGRESQL])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each kind of store in turn."""
    async with open_store(await _address(request, tmp_path)) as opened:
        yield opened


@pytest.fixture(params=["memory", POSTGRESQL])
async def shared_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each kind of store that several replicas may use at once."""
    async with open_store(await _address(request, tmp_path)) as opened:
        yield opened


@pytest.fixture(params=["sqlite", POSTGRESQL])
async def sql_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    return await _address(request, tmp_path)


async def _address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        return await server.new_database()
    return {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/leeward.db"}[request.param]
