"""A site with the shipped broker and its access list, shared by the tests of one module, and examples to run there."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.parts.examples import Example, mosquitto_clients
from tests.parts.shipped_broker import ShippedBroker
from tests.parts.site import Site

ExampleOf = Callable[..., Example]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Two hosts, the watchers of which tell Home Assistant of themselves; events of users may be approved."""
    folder = tmp_path_factory.mktemp("site")
    made = Site(
        folder,
        hosts=("db-0", "web-0"),
        settings={},
        broker=ShippedBroker(folder / "broker"),
        watching={"LEEWARD_HOME_ASSISTANT_PREFIX": "homeassistant"},
    )
    async with made.running():
        yield made


@pytest.fixture
def example(site: Site, tmp_path: Path) -> ExampleOf:
    """Return a maker of examples: `example("notices.py", …, identity="leeward-reader")`."""

    def make(name: str, *arguments: str, identity: str = "leeward-reader") -> Example:
        settings = site.broker.settings(identity)
        clients = mosquitto_clients(tmp_path / identity, settings, site.broker.port)
        environment = {**site.broker.environment(identity), **clients}
        return Example(name, *arguments, environment=environment, log=tmp_path / f"{name}.log")

    return make
