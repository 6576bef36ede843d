"""The broker's configuration in k8s/base/broker: each identity may do its part, and no more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from services.vmwatch.home_assistant.announcer import config_topic
from shared.bus import Bus, Delivery, Handler, Publication, PublicationRefusedError, Publisher, unguessable
from shared.topics import RESPONDERS_BLOCK, Topics, host_key
from tests.parts.buses import running
from tests.parts.shipped_broker import ShippedBroker

TOPICS = Topics()
HOST, NEIGHBOUR = host_key("db-0"), host_key("db-1")
CLUSTER = "leeward-vmwatch"
"""What all watchers of a Kubernetes cluster are."""
BusOf = Callable[[str], Bus]


@pytest.fixture
async def bus_of(tmp_path: Path) -> AsyncIterator[BusOf]:
    """The shipped broker; returns the bus of an identity."""
    async with ShippedBroker(tmp_path / "broker") as broker:
        yield lambda name: Bus(
            broker.settings(name),
            client_id=unguessable(name),
            reply_topic=TOPICS.replies("one") if name == "leeward-scheduler" else None,
        )


async def test_a_watcher_speaks_for_its_own_host_and_is_heard_by_the_scheduler(bus_of: BusOf) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    scheduler, watcher = bus_of("leeward-scheduler"), bus_of(HOST)
    for leaf in ("status", "inventory", "events"):
        scheduler.subscribe(TOPICS.all_hosts(leaf), noting(heard))
    async with running(scheduler), running(watcher):
        for topic in (TOPICS.status(HOST), TOPICS.inventory(HOST), TOPICS.events(HOST)):
            watcher.keep(topic, b"{}")
            assert await asyncio.wait_for(heard.get(), 10) == topic
        assert await watcher.settled(10)


async def test_a_watcher_cannot_speak_for_its_neighbour(bus_of: BusOf) -> None:
    watcher = bus_of(HOST)
    async with running(watcher):
        watcher.keep(TOPICS.status(NEIGHBOUR), b"{}")
        assert not await watcher.settled(0.5)
        assert watcher.problems == {"publishing": "Not authorized"}


async def test_a_watcher_carries_out_commands_and_cannot_give_them(bus_of: BusOf) -> None:
    scheduler, watcher = bus_of("leeward-scheduler"), bus_of(HOST)

    async def obey(delivery: Delivery) -> None:
        await watcher.reply(delivery, b"done: " + delivery.payload)

    watcher.subscribe(TOPICS.approve(HOST), obey)
    async with running(scheduler), running(watcher):
        assert await scheduler.request(TOPICS.approve(HOST), b"go", answerer=HOST, timeout=10) == b"done: go"
        watcher.keep(TOPICS.approve(HOST), b"go")
        assert not await watcher.settled(0.5)


async def test_a_watcher_hears_the_drains_of_its_own_host_and_keeps_its_own_block(bus_of: BusOf) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    scheduler, watcher = bus_of("leeward-scheduler"), bus_of(HOST)
    watcher.subscribe(TOPICS.all_hosts("drains/+"), noting(heard))
    watcher.subscribe(TOPICS.drain(HOST, "+"), noting(heard))
    async with running(scheduler), running(watcher):
        for payload in (b'{"reason": "at work"}', b""):
            watcher.keep(TOPICS.block(HOST, RESPONDERS_BLOCK), payload)
            assert await watcher.settled(10)
        for host in (NEIGHBOUR, HOST):
            scheduler.keep(TOPICS.drain(host, "E1"), b"{}")
        assert await asyncio.wait_for(heard.get(), 10) == TOPICS.drain(HOST, "E1")


async def test_watchers_with_one_identity_for_their_cluster_each_do_their_part(bus_of: BusOf) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    scheduler, watchers = bus_of("leeward-scheduler"), {host: bus_of(CLUSTER) for host in (HOST, NEIGHBOUR)}

    async def obey(delivery: Delivery) -> None:
        await watchers[HOST].reply(delivery, b"done")

    watchers[HOST].subscribe(TOPICS.approve(HOST), obey)
    watchers[NEIGHBOUR].subscribe(TOPICS.drain(NEIGHBOUR, "+"), noting(heard))
    async with running(scheduler), running(watchers[HOST]), running(watchers[NEIGHBOUR]):
        for host, watcher in watchers.items():
            watcher.keep(TOPICS.status(host), b"{}")
            assert await watcher.settled(10)
        assert await scheduler.request(TOPICS.approve(HOST), b"go", answerer=HOST, timeout=10) == b"done"
        scheduler.keep(TOPICS.drain(NEIGHBOUR, "E1"), b"{}")
        assert await asyncio.wait_for(heard.get(), 10) == TOPICS.drain(NEIGHBOUR, "E1")


async def test_the_scheduler_keeps_drains_hears_blocks_and_ends_them_with_their_event(bus_of: BusOf) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    scheduler, operator = bus_of("leeward-scheduler"), bus_of("leeward-operator")
    scheduler.subscribe(TOPICS.all_hosts("blocks/+"), noting(heard))
    async with running(scheduler), running(operator):
        operator.keep(TOPICS.block(HOST, "copy"), b"{}")
        assert await asyncio.wait_for(heard.get(), 10) == TOPICS.block(HOST, "copy")
        for topic in (TOPICS.drain(HOST, "E1"), TOPICS.scheduler_status("one")):
            scheduler.keep(topic, b"{}")
        assert await scheduler.settled(10)
        scheduler.clear(TOPICS.block(HOST, "copy"))
        assert await scheduler.flush(10)
        assert "publishing" not in scheduler.problems


async def test_a_reader_hears_everything_and_writes_nothing(bus_of: BusOf) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    reader, watcher = bus_of("leeward-reader"), bus_of(HOST)
    reader.subscribe(f"{TOPICS.prefix}/#", noting(heard))
    async with running(reader), running(watcher):
        watcher.keep(TOPICS.events(HOST), b"{}")
        assert await asyncio.wait_for(heard.get(), 10) == TOPICS.events(HOST)
        reader.keep(TOPICS.events(HOST), b"{}")
        assert not await reader.settled(0.5)


ANSWER = TOPICS.reply("one", HOST)
ALLOWED = [
    (HOST, ANSWER),
    (HOST, TOPICS.notice(HOST, "scheduled")),
    (HOST, TOPICS.block(HOST, RESPONDERS_BLOCK)),
    ("leeward-scheduler", TOPICS.execution("demo", "job")),
    ("leeward-scheduler", TOPICS.approve(HOST)),
    *(
        (CLUSTER, topic(host))
        for host in (HOST, NEIGHBOUR)
        for topic in (TOPICS.status, TOPICS.inventory, TOPICS.events)
    ),
    (CLUSTER, TOPICS.notice(HOST, "scheduled")),
    (CLUSTER, TOPICS.block(HOST, RESPONDERS_BLOCK)),
    (CLUSTER, ANSWER),
    ("leeward-operator", TOPICS.block(HOST, "copy")),
    ("leeward-actions", "orders/new"),
    *((name, config_topic("homeassistant", HOST)) for name in (HOST, CLUSTER, "leeward-home-assistant")),
    ("leeward-home-assistant", "homeassistant/status"),
]
DENIED = [
    *((HOST, topic(NEIGHBOUR)) for topic in (TOPICS.status, TOPICS.inventory, TOPICS.events)),
    *((HOST, TOPICS.approve(host)) for host in (HOST, NEIGHBOUR)),
    *((HOST, TOPICS.block(host, "copy")) for host in (HOST, NEIGHBOUR)),
    (HOST, TOPICS.block(NEIGHBOUR, RESPONDERS_BLOCK)),
    *((HOST, TOPICS.drain(host, "E1")) for host in (HOST, NEIGHBOUR)),
    (HOST, TOPICS.notice(NEIGHBOUR, "scheduled")),
    (HOST, TOPICS.scheduler_status("one")),
    (HOST, TOPICS.execution("demo", "job")),
    (HOST, TOPICS.reply("one", NEIGHBOUR)),
    (HOST, TOPICS.replies("one")),
    (HOST, "orders/new"),
    (CLUSTER, TOPICS.approve(HOST)),
    (CLUSTER, TOPICS.drain(HOST, "E1")),
    (CLUSTER, TOPICS.block(HOST, "copy")),
    (CLUSTER, TOPICS.scheduler_status("one")),
    (CLUSTER, TOPICS.execution("demo", "job")),
    (CLUSTER, "orders/new"),
    ("leeward-operator", TOPICS.drain(HOST, "E1")),
    ("leeward-operator", TOPICS.approve(HOST)),
    ("leeward-reader", TOPICS.block(HOST, "copy")),
    ("leeward-scheduler", TOPICS.events(HOST)),
    ("leeward-scheduler", TOPICS.status(HOST)),
    ("leeward-actions", TOPICS.events(HOST)),
    ("leeward-actions", TOPICS.approve(HOST)),
    *((name, config_topic("homeassistant", HOST)) for name in (NEIGHBOUR, "leeward-actions", "leeward-operator")),
    *((name, "homeassistant/status") for name in (HOST, CLUSTER, "leeward-actions")),
    ("leeward-home-assistant", TOPICS.status(HOST)),
    # A role is no host, though the patterns for hosts would fit its name.
    *(
        (f"leeward-{role}", topic)
        for role in ("scheduler", "operator", "reader", "actions", "vmwatch", "home-assistant")
        for topic in (
            TOPICS.inventory(host_key(f"leeward-{role}")),
            TOPICS.events(host_key(f"leeward-{role}")),
            TOPICS.notice(host_key(f"leeward-{role}"), "scheduled"),
            TOPICS.reply("one", host_key(f"leeward-{role}")),
        )
    ),
]


@pytest.mark.parametrize("retain", [False, True])
async def test_each_identity_may_write_its_own_topics_and_no_others(tmp_path: Path, retain: bool) -> None:
    async with ShippedBroker(tmp_path / "broker") as broker:
        assert await verdicts(broker, ALLOWED, retain=retain) == [True] * len(ALLOWED)
        assert await verdicts(broker, DENIED, retain=retain) == [False] * len(DENIED)


async def verdicts(broker: ShippedBroker, attempts: list[tuple[str, str]], *, retain: bool) -> list[bool]:
    """Return for each attempt of an identity to write a topic whether the broker let it."""
    found = []
    for name, topic in attempts:
        publisher = Publisher(broker.settings(name), client_id=f"attempt-{name}")
        try:
            await publisher.publish(Publication(topic=topic, payload=b"{}", retain=retain))
            found.append(True)
        except PublicationRefusedError:
            found.append(False)
        finally:
            await publisher.close()
    return found


async def test_commands_and_replies_are_between_the_two_services(bus_of: BusOf) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    curious = [bus_of(name) for name in ("leeward-reader", "leeward-operator", NEIGHBOUR)]
    scheduler, watcher = bus_of("leeward-scheduler"), bus_of(HOST)

    async def obey(delivery: Delivery) -> None:
        await watcher.reply(delivery, b"done")

    watcher.subscribe(TOPICS.approve(HOST), obey)
    async with AsyncExitStack() as stack:
        for each in curious:
            each.subscribe(f"{TOPICS.prefix}/hosts/+/commands/#", noting(heard))
            each.subscribe(f"{TOPICS.prefix}/replies/#", noting(heard))
        for each in (*curious, scheduler, watcher):
            await stack.enter_async_context(running(each))
        assert await scheduler.request(TOPICS.approve(HOST), b"go", answerer=HOST, timeout=10) == b"done"
        scheduler.keep(TOPICS.scheduler_status("one"), b"{}")
        assert await scheduler.settled(10)
    assert heard.empty()


async def test_an_answer_from_another_watcher_is_not_taken_though_it_knows_the_question(bus_of: BusOf) -> None:
    refused: list[str] = []
    scheduler = bus_of("leeward-scheduler")
    scheduler._inbox._on_refused = refused.append
    neighbour = bus_of(NEIGHBOUR)
    async with running(scheduler), running(neighbour):
        with scheduler._questions.asked(HOST) as question:
            forged = Publication(
                topic=TOPICS.reply("one", NEIGHBOUR), payload=b"approved", correlation=question.correlation
            )
            await neighbour.publish(forged)
            scheduler.keep(TOPICS.scheduler_status("one"), b"{}")
            assert await scheduler.settled(10)
            assert not question.answer.done()
    assert refused == ["unasked"]


def noting(heard: asyncio.Queue[str]) -> Handler:
    """Return a handler that puts the topic of each message into `heard`."""

    async def note(delivery: Delivery) -> None:
        await heard.put(delivery.topic)

    return note
