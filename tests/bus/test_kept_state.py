"""State that a process keeps on the broker, whatever happens to either."""

from shared.bus import Publication
from tests.parts.brokers import BrokerProcess
from tests.parts.buses import bus_at, running
from tests.parts.listener import Listener


async def test_kept_state_is_retained_for_who_comes_later(broker: BrokerProcess) -> None:
    async with running(bus_at(broker.url, "keeper")) as keeper:
        keeper.keep("hosts/a/status", b"online")
        assert await keeper.settled(10)
        listener = Listener()
        late = bus_at(broker.url, "late")
        late.subscribe("hosts/+/status", listener)
        async with running(late):
            heard = await listener.until_payload(b"online")
            assert heard.retained
            assert heard.topic == "hosts/a/status"


async def test_state_kept_before_the_connection_is_sent_on_it(broker: BrokerProcess) -> None:
    listener = Listener()
    keeper = bus_at(broker.url, "keeper")
    keeper.subscribe("hosts/#", listener)
    keeper.keep("hosts/a/status", b"online")
    async with running(keeper):
        heard = await listener.until_payload(b"online")
        assert heard.topic == "hosts/a/status"


async def test_only_the_newest_of_several_values_waits_for_a_connection(broker: BrokerProcess) -> None:
    listener = Listener()
    keeper = bus_at(broker.url, "keeper")
    keeper.subscribe("hosts/#", listener)
    for number in range(5):
        keeper.keep("hosts/a/status", b"%d" % number)
    async with running(keeper):
        assert listener.payloads == [b"4"]


async def test_a_broker_that_forgot_everything_is_told_again(broker: BrokerProcess) -> None:
    async with running(bus_at(broker.url, "keeper")) as keeper:
        keeper.keep("hosts/a/events", b"calm")
        assert await keeper.settled(10)
        await broker.kill()
        broker.wipe()
        await broker.start()
        listener = Listener()
        late = bus_at(broker.url, "late")
        late.subscribe("hosts/+/events", listener)
        async with running(late):
            await listener.until_payload(b"calm")


async def test_state_changed_by_somebody_else_is_restored(broker: BrokerProcess) -> None:
    listener = Listener()
    other = bus_at(broker.url, "other")
    other.subscribe("hosts/a/events", listener)
    async with running(bus_at(broker.url, "keeper")) as keeper, running(other):
        keeper.keep("hosts/a/events", b"calm")
        await listener.until_payload(b"calm")
        for foreign in (b"storm", b""):
            listener.forget()
            await other.publish(Publication(topic="hosts/a/events", payload=foreign, retain=True))
            await listener.until_payload(b"calm")
            assert listener.payloads == [foreign, b"calm"]


async def test_what_is_kept_empty_stays_empty(broker: BrokerProcess) -> None:
    listener = Listener()
    other = bus_at(broker.url, "other")
    other.subscribe("hosts/a/block", listener)
    async with running(bus_at(broker.url, "keeper")) as keeper, running(other):
        keeper.keep("hosts/a/block", b"")
        assert await keeper.settled(10)
        await listener.until_payload(b"")
        listener.forget()
        await other.publish(Publication(topic="hosts/a/block", payload=b"stale", retain=True))
        await listener.until_payload(b"")
        assert listener.payloads == [b"stale", b""]


async def test_two_writers_that_insist_do_not_storm_the_broker(broker: BrokerProcess) -> None:
    listener = Listener()
    one, two, watcher = (bus_at(broker.url, name) for name in ("one", "two", "watcher"))
    watcher.subscribe("hosts/a/status", listener)
    async with running(watcher), running(one), running(two):
        one.keep("hosts/a/status", b"one")
        two.keep("hosts/a/status", b"two")
        await listener.until(lambda heard: len(heard) >= 5)
        assert "somebody else writes here" in one.problems["hosts/a/status"]
        assert not await watcher.settled(0) or len(listener.deliveries) < 10


async def test_cleared_state_is_gone_for_who_comes_later(broker: BrokerProcess) -> None:
    async with running(bus_at(broker.url, "keeper")) as keeper:
        keeper.keep("hosts/a/drains/E1", b"draining")
        keeper.keep("hosts/a/status", b"online")
        assert await keeper.settled(10)
        keeper.clear("hosts/a/drains/E1")
        assert await keeper.flush(10)
        listener = Listener()
        late = bus_at(broker.url, "late")
        late.subscribe("hosts/#", listener)
        async with running(late):
            await listener.until_payload(b"online")
        assert listener.payloads == [b"online"]


async def test_state_cleared_while_the_broker_was_away_is_cleared_on_return(broker: BrokerProcess) -> None:
    async with running(bus_at(broker.url, "keeper")) as keeper:
        keeper.keep("hosts/a/drains/E1", b"draining")
        assert await keeper.settled(10)
        await broker.stop()
        keeper.clear("hosts/a/drains/E1")
        keeper.keep("hosts/a/status", b"online")
        await broker.start()
        assert await keeper.settled(15)
        assert await keeper.flush(10)
        listener = Listener()
        late = bus_at(broker.url, "late")
        late.subscribe("hosts/#", listener)
        async with running(late):
            await listener.until_payload(b"online")
        assert listener.payloads == [b"online"]
