"""Ports: announced ones are demanded, internal ones move out of the way."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from services.local.errors import PortTakenError
from services.local.fleet import local_vms
from services.local.layout import UpOptions, lay_out
from services.local.ports import choose, following, is_free
from services.local.state import LocalState


@contextmanager
def taken_port(address: str = "127.0.0.1") -> Iterator[int]:
    with closing(socket.socket()) as server:
        server.bind((address, 0))
        server.listen()
        yield server.getsockname()[1]


def free_run(count: int) -> int:
    """Return the first of `count` neighbouring free ports, away from where the system hands out its own."""
    return next(first for first in range(20000, 30000, 16) if all(map(is_free, range(first, first + count))))


def options(**changes: object) -> UpOptions:
    usual = UpOptions(data=Path("data"), port=free_run(1), ops_port=free_run(8) + 2)
    return msgspec.structs.replace(usual, **changes)


def test_a_taken_port_for_people_is_refused_with_the_flag_that_moves_it() -> None:
    with taken_port() as port, pytest.raises(PortTakenError, match=rf"port {port} \(API and portal\).*--port"):
        lay_out(options(port=port), local_vms(), None)


def test_a_taken_ops_port_names_whose_it_is() -> None:
    with taken_port() as port, pytest.raises(PortTakenError, match=r"metrics of the scheduler.*--ops-port"):
        lay_out(options(ops_port=port), local_vms(), None)


def test_an_internal_port_that_was_asked_for_is_demanded() -> None:
    with taken_port() as port, pytest.raises(PortTakenError, match=r"broker.*--mqtt-port"):
        lay_out(options(mqtt_port=port), local_vms(), None)


def test_a_taken_internal_port_is_left_to_its_owner() -> None:
    with taken_port() as port:
        assert choose(port) != port


def test_the_targets_keep_their_port_because_stored_jobs_call_it() -> None:
    port = free_run(1) + 7
    previous = LocalState(pid=1, api="", imds="", mqtt="", broker="", targets_port=port)
    assert lay_out(options(), local_vms(), previous).targets == port


def test_the_targets_move_when_the_port_is_taken_on_one_address_only() -> None:
    with taken_port("127.0.0.12") as port:
        previous = LocalState(pid=1, api="", imds="", mqtt="", broker="", targets_port=port)
        assert lay_out(options(), local_vms(), previous).targets != port


def test_every_part_gets_a_port_of_its_own() -> None:
    layout = lay_out(options(), local_vms(), None)
    ports = [layout.api, *layout.ops, layout.mqtt, layout.imds, layout.targets]
    assert len(set(ports)) == len(ports) == 4 + 1 + len(local_vms())


def test_a_run_of_ports_must_fit() -> None:
    assert following(9464, 4, flag="--ops-port") == (9464, 9465, 9466, 9467)
    with pytest.raises(PortTakenError, match=r"65534.*--ops-port"):
        following(65534, 4, flag="--ops-port")


@pytest.mark.parametrize("changes", [{"ops_port": 1}, {"mqtt_port": 1}, {"imds_port": 1}, {"targets_port": 1}])
def test_two_parts_cannot_be_given_one_port(changes: dict[str, int]) -> None:
    (name,) = changes
    asked = options()
    with pytest.raises(PortTakenError, match=rf"another part's.*--{name.replace('_', '-')}"):
        lay_out(msgspec.structs.replace(asked, **{name: asked.port}), local_vms(), None)
