"""The umpire of a day sees what it is there for: a false calm, an early approval, a hold without a reason."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from services.vmwatch.emulator.events import Draft
from shared.bus import Delivery
from shared.messages import Block, EventSnapshot, encode
from shared.topics import Topics
from tests.parts.builders import snapshot
from tests.simulation.agenda import Agenda
from tests.simulation.day.platform import Platform
from tests.simulation.day.umpire import AFTER_CALM, Umpire
from tests.simulation.executions import Executions
from tests.simulation.ledger import Ledger
from tests.simulation.machines import Machines
from tests.simulation.world import BEGIN, Size, hosts_of


@pytest.fixture
def scene() -> SimpleNamespace:
    hosts, agenda, ledger = hosts_of(Size(groups=1, hosts=2, domains=2), 1), Agenda(BEGIN), Ledger()
    machines = Machines(agenda, [host.key for host in hosts])
    platform = Platform(hosts, agenda, machines, 1)
    umpire = Umpire(ledger, platform, agenda, Executions(agenda, machines))
    return SimpleNamespace(
        host=hosts[0], agenda=agenda, platform=platform, umpire=umpire, machines=machines, faults=ledger.tally.told
    )


def announced(scene: SimpleNamespace) -> str:
    event_id: str = scene.platform.announce(Draft(type="Reboot", resources=(scene.host.name,)))
    return event_id


def published(scene: SimpleNamespace, what: EventSnapshot) -> None:
    scene.umpire.sees(scene.host, Topics().events(scene.host.key), encode(what))


def test_a_calm_that_is_not_true_is_a_fault(scene: SimpleNamespace) -> None:
    published(scene, snapshot(scene.host.name))
    assert scene.faults == []
    announced(scene)
    published(scene, snapshot(scene.host.name))
    assert len(scene.faults) == 1


def test_an_approval_against_a_block_or_out_of_nowhere_is_a_fault(scene: SimpleNamespace) -> None:
    topic = Topics().block(scene.host.key, "backup")
    scene.umpire.heard(Delivery(topic=topic, payload=encode(Block(reason="runs")), retained=True))
    scene.umpire.asks(announced(scene))
    scene.umpire.asks("NOBODY-KNOWS-IT")
    assert ["block" in each for each in scene.faults] == [True, False]


def test_a_hold_is_a_fault_once_its_host_has_been_calm_for_long(scene: SimpleNamespace) -> None:
    store = SimpleNamespace(holding=[scene.host.key])
    event_id = announced(scene)
    scene.umpire.check_holds(store, scene.machines)
    scene.platform.stage.cancel(event_id)
    for wait in (timedelta(0), AFTER_CALM, timedelta(seconds=1)):
        assert scene.faults == []
        scene.agenda.at(scene.agenda.now() + wait, lambda: None)
        scene.agenda.step(BEGIN + 2 * AFTER_CALM)
        scene.umpire.check_holds(store, scene.machines)
    assert len(scene.faults) == 1
