"""A running site for each situation."""

import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.parts.postgres import Postgres
from tests.parts.site import Site
from tests.parts.watched_team import WatchedTeam, watched_team

SiteMaker = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_interrupts() -> None:
    """What runs tests in the background may have Ctrl-C ignored, and all that they start inherits that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def a_site(tmp_path: Path) -> SiteMaker:
    """Return a maker of sites: `async with a_site("db-0", …, LEEWARD_…="…") as site`; `watching` sets up watchers."""

    def make(*hosts: str, watching: dict[str, str] | None = None, **settings: str) -> AbstractAsyncContextManager[Site]:
        return Site(tmp_path, hosts=hosts or ("db-0", "db-1"), settings=settings, watching=watching).running()

    return make


@pytest.fixture
async def site(a_site: SiteMaker) -> AsyncIterator[Site]:
    """A running site with db-0 and db-1 in pool db."""
    async with a_site() as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; locks that nobody holds tell something once it has run for ten seconds."""
    with Postgres() as server:
        yield server


@pytest.fixture
async def pair(tmp_path: Path, postgres: Postgres) -> AsyncIterator[WatchedTeam]:
    """Two replicas that know db-0 and db-1, both in pool db."""
    async with watched_team(tmp_path, await postgres.new_database()) as both:
        yield both
