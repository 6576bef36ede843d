"""The fleet says in the audit log who steers hosts by hand; what it does by itself it does not."""

from datetime import timedelta

from services.scheduler.domain.acts import Act
from services.scheduler.store.audit import AuditFilter, CordonImage
from tests.parts.fakes_api import NOON
from tests.parts.fleets import Watched
from tests.parts.stored import TESTER

MINUTE = timedelta(minutes=1)


async def test_a_cordon_and_its_release_name_their_caller() -> None:
    watched = await Watched("db-0").begin()
    watched.fleet.refresh()
    await watched.fleet.cordon("DB-0", reason="disks", until=None, by=TESTER)
    await watched.fleet.release("db-0", by=TESTER)
    await watched.fleet.release("db-0", by=TESTER)
    released, cordoned = await watched.store.list_audit(AuditFilter(host="db-0"), top=10, skip=0)
    image = CordonImage(reason="disks", by=TESTER.caller, since=NOON)
    assert (cordoned.act, cordoned.before, cordoned.after) == (Act.HOST_CORDONED, None, image)
    assert (released.act, released.before, released.after) == (Act.HOST_RELEASED, image, None)


async def test_a_cordon_whose_time_is_up_ends_without_an_entry() -> None:
    watched = await Watched("db-0").begin()
    watched.fleet.refresh()
    await watched.fleet.cordon("db-0", reason="disks", until=NOON + MINUTE, by=TESTER)
    watched.clock.turn(MINUTE)
    await watched.fleet.reload_cordons()
    assert await watched.store.list_cordons() == []
    assert [one.act for one in await watched.store.list_audit(AuditFilter(), top=10, skip=0)] == [Act.HOST_CORDONED]
