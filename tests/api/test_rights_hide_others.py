"""What others have and do changes no byte of what a confined caller reads."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.domain.collections import CollectionId, Namespace
from services.scheduler.feed import Update
from tests.parts.addresses import addresses
from tests.parts.callers import HERE
from tests.parts.fakes_api import NOON
from tests.parts.worlds import COLLECTIONS, CONFINED, ELSEWHERE, THERE, Step, Verb, World, a_world

STEPS = st.lists(
    st.builds(
        lambda verb, where, number: Step(verb, where[0], where[1], number),
        st.sampled_from(Verb),
        st.sampled_from(COLLECTIONS),
        st.integers(1, 4),
    ),
    max_size=25,
)
MADE = [Step(Verb.PUT_COLLECTION, namespace, name, 0) for namespace, name in COLLECTIONS if name != "never-made"]
PAGES = ("$top=1", "$top=1&$skip=1", "$top=2&$skip=1", "$skip=3", "$top=100")


def requests(world: World) -> Iterator[tuple[str, str]]:
    """Yield all that can be asked for, of everybody's things, but for what would change the caller's own."""
    for namespace in (HERE, THERE, ELSEWHERE):
        for name in ("mine", "also-mine", "mine2", "zulu", "never-made"):
            yield from _of_collection(world, namespace, name)
    for namespace in (HERE, ELSEWHERE):
        arm = f"/subscriptions/{namespace.subscription}"
        for start in ("/api/v1", arm, f"{arm}/resourceGroups/default", f"{arm}/resourceGroups/there"):
            name = "collections" if start == "/api/v1" else "providers/Microsoft.Scheduler/jobCollections"
            yield from (("GET", f"{start}/{name}?api-version=2016-03-01&{page}") for page in PAGES)


def _of_collection(world: World, namespace: Namespace, name: str) -> Iterator[tuple[str, str]]:
    names = {"subscription": namespace.subscription, "group": namespace.resource_group, "collection": name}
    for one in addresses(world.api.app, **names, job="job-1", host="db-0", event="E1", filename="portal.css"):
        is_mine = CONFINED.may_see(HERE if one.path.startswith("/api/v1") else namespace, name)
        is_others = "{collection}" in one.pattern and not is_mine
        if (one.method == "GET" or is_others) and not one.path.endswith("/stream"):
            yield one.method, f"{one.path}?api-version=2016-03-01"


async def _told_apart(steps: Sequence[Step]) -> list[str]:
    """Return the requests whose replies differ by what others have."""
    async with a_world(steps, alone=True) as alone, a_world(steps, alone=False) as among:
        return [
            f"{method} {path}"
            for method, path in requests(alone)
            if await among.ask(method, path) != await alone.ask(method, path)
        ]


@settings(max_examples=8, deadline=None)
@given(STEPS)
def test_what_others_have_changes_no_byte_of_any_reply(steps: list[Step]) -> None:
    assert asyncio.run(_told_apart([*MADE, *steps])) == []


async def _read(steps: Sequence[Step], *, alone: bool) -> bytes:
    """Return what the stream says of the steps, and of what hosts and jobs do after them."""
    async with a_world([], alone=alone) as world, world.followed() as stream, asyncio.timeout(20):
        for step in steps:
            if not (alone and step.is_others):
                await world.take(step)
        await world.tell(f"{0 if alone else 7001} jobs were held", bare=None)
        await world.tell("the end", bare="the bare end")
        return await stream.readuntil(b'end"}\n\n')


@settings(max_examples=8, deadline=None)
@given(STEPS)
def test_what_others_do_changes_no_byte_of_the_stream(steps: list[Step]) -> None:
    among = asyncio.run(_read([*MADE, *steps], alone=False))
    assert among == asyncio.run(_read([*MADE, *steps], alone=True))
    assert among.count(b"event: execution") >= 2 * 3
    assert b"the bare end" in among


async def test_what_others_do_does_not_put_the_heartbeat_off() -> None:
    hidden = Update(kind="execution", at=NOON, summary="theirs", collection_id=CollectionId(7001))
    async with a_world([], alone=True, heartbeat=timedelta(milliseconds=30)) as world, world.followed() as stream:
        telling = asyncio.create_task(_again_and_again(lambda: world.api.services.feed.publish(hidden)))
        async with asyncio.timeout(20):
            said = [await stream.readuntil(b"\n\n") for _ in range(3)]
        telling.cancel()
    assert said == [b": heartbeat\n\n"] * 3


async def _again_and_again(act: Callable[[], None]) -> None:
    while True:
        act()
        await asyncio.sleep(0.001)
