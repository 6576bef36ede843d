"""Watchers tell Home Assistant of themselves over the shipped broker, and it may do no more there than it needs."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared.bus import Bus, BusSettings, Publication, PublicationRefusedError, Publisher
from tests.parts.buses import running
from tests.parts.home_assistant import Shown
from tests.parts.listener import Listener
from tests.parts.site import Site

pytestmark = pytest.mark.asyncio(loop_scope="module")
CONFIG = "homeassistant/device/db-0/leeward/config"
IDENTITY = "leeward-home-assistant"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def publisher(site: Site) -> AsyncIterator[Publisher]:
    """What Home Assistant publishes with."""
    made = Publisher(site.broker.settings(IDENTITY), client_id="home-assistant-speaks")
    yield made
    await made.close()


def home_assistant(settings: BusSettings, *filters: str) -> tuple[Bus, Listener]:
    """Return Home Assistant's connection, and what it hears on the filters."""
    bus, heard = Bus(settings, client_id="home-assistant"), Listener()
    for each in filters:
        bus.subscribe(each, heard)
    return bus, heard


async def test_home_assistant_finds_each_vm_and_all_that_its_entities_read(site: Site) -> None:
    bus, configs = home_assistant(site.broker.settings(IDENTITY), "homeassistant/+/+/+/config")
    async with running(bus):
        await configs.until(lambda heard: {each.topic.split("/")[2] for each in heard} == {"db-0", "web-0"})
    config = next(each for each in configs.deliveries if each.topic == CONFIG)
    shown = Shown(config.payload)
    assert shown.config["device"]["name"] == "db-0"
    bus, events = home_assistant(site.broker.settings(IDENTITY), shown.entities["next_event"]["state_topic"])
    async with running(bus):
        event = await site.raise_event("Redeploy", "DB-0", source="Platform", noticeSeconds=600)
        await events.until(lambda heard: bool(heard) and shown.value("next_event", heard[-1].payload) == "Redeploy")
        await site.azure("POST", f"/events/{event}/cancel")
        await events.until(lambda heard: bool(heard) and shown.value("next_event", heard[-1].payload) == "calm")


async def test_a_device_that_somebody_removed_comes_back_and_is_told_again_at_home_assistants_birth(
    site: Site, publisher: Publisher
) -> None:
    bus, configs = home_assistant(site.broker.settings(IDENTITY), CONFIG)
    async with running(bus):
        await configs.until(lambda heard: len(heard) == 1)
        await publisher.publish(Publication(topic=CONFIG, payload=b"", retain=True, content_type=None))
        await configs.until(lambda heard: [bool(each.payload) for each in heard] == [True, False, True])
        await publisher.publish(Publication(topic="homeassistant/status", payload=b"online"))
        await configs.until(lambda heard: len(heard) == 4)
    assert configs.payloads[3] == configs.payloads[0]


@pytest.mark.parametrize("topic", ["leeward/v1/hosts/db-0/events", "leeward/v1/hosts/db-0/blocks/mine"])
async def test_home_assistant_has_no_say_on_leewards_topics(publisher: Publisher, topic: str) -> None:
    with pytest.raises(PublicationRefusedError):
        await publisher.publish(Publication(topic=topic, payload=b"{}", retain=True))
