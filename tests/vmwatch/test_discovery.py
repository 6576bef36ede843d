"""Outside of virtual networks DHCP says where the metadata service is."""

import os
from collections.abc import Callable
from errno import EACCES
from functools import partial
from pathlib import Path

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from services.vmwatch.discovery import Dhcp, discover, endpoint_in, hardware_address, to_error, to_request
from services.vmwatch.errors import DiscoveryError, MetadataOutcome, MetadataUnavailableError
from services.vmwatch.imds import ImdsClient
from tests.parts.dhcp import dhcp_server, offer
from tests.parts.ports import free_port
from tests.parts.watching import emulator

MAC = bytes.fromhex("0011aaffbb22")
WIRESERVER = bytes((245, 4, 168, 63, 129, 16))
OTHERS = bytes((0, 0, 53, 1, 2, 51, 4, 0, 0, 14, 16))
END = bytes((255,))


def mac() -> bytes:
    return MAC


async def test_the_address_comes_from_option_245_of_the_offer() -> None:
    async with dhcp_server(lambda asked: [offer(asked, OTHERS + WIRESERVER + END)]) as (server, dhcp):
        assert await discover(dhcp, mac) == "http://168.63.129.16"
    (question,) = server.questions
    assert question[:3] == bytes((1, 1, 6))
    assert question[28:34] == MAC
    assert question[236:243] == bytes((99, 130, 83, 99, 53, 1, 1))


def test_the_loop_of_the_program_can_do_it_too() -> None:
    async def found() -> str:
        async with dhcp_server(lambda asked: [offer(asked, WIRESERVER)]) as (_, dhcp):
            return await discover(dhcp, mac)

    assert uvloop.run(found()) == "http://168.63.129.16"


async def test_what_is_not_for_us_or_no_answer_is_passed_over() -> None:
    def noise(asked: bytes) -> list[bytes]:
        stranger = offer(asked[:4] + b"none" + asked[8:], bytes((245, 4, 10, 0, 0, 1)))
        neighbour = offer(asked[:28] + bytes(6) + asked[34:], bytes((245, 4, 10, 0, 0, 2)))
        return [b"", b"\xff" * 600, asked, stranger, neighbour, offer(asked, OTHERS), offer(asked, WIRESERVER)]

    async with dhcp_server(noise) as (_, dhcp):
        assert await discover(dhcp, mac) == "http://168.63.129.16"


@pytest.mark.parametrize(
    "options",
    [b"", END + WIRESERVER, bytes((245, 4, 168)), bytes((245, 3, 1, 2, 3)), bytes((245,)), bytes((12, 250, 1))],
)
def test_an_offer_without_the_address_is_none(options: bytes) -> None:
    asked = to_request(b"abcd", MAC)
    assert endpoint_in(offer(asked, options), b"abcd", MAC) is None


@given(st.binary(max_size=80))
def test_whatever_the_options_hold_is_survived(options: bytes) -> None:
    found = endpoint_in(offer(to_request(b"abcd", MAC), options), b"abcd", MAC)
    assert found is None or found.packed in options


async def test_silence_is_bounded_and_says_what_to_do() -> None:
    async with dhcp_server(lambda _: [], seconds=0.05) as (server, dhcp):
        with pytest.raises(DiscoveryError, match="LEEWARD_IMDS_URL"):
            await discover(dhcp, mac)
    assert len(server.questions) == dhcp.attempts


def test_the_missing_privilege_is_named_with_all_ways_out() -> None:
    said = str(to_error(PermissionError(EACCES, os.strerror(EACCES)), 68))
    assert "UDP port 68: Permission denied" in said
    assert "CAP_NET_BIND_SERVICE" in said
    assert "LEEWARD_IMDS_URL" in said


async def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(DiscoveryError, match=r"UDP port \d+"):
        await discover(Dhcp(client=("192.0.2.1", free_port())), mac)


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[], bytes]:
    """A machine with two interfaces; the second has the default route."""
    for name, address in (("eth0", "00:00:00:00:00:01"), ("eth1", "00:11:aa:ff:bb:22")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "address").write_text(f"{address}\n")
    routes = tmp_path / "route"
    routes.write_text("Iface\tDestination\tGateway\neth0\t0000000A\t00000000\neth1\t00000000\t0100000A\n")
    return partial(hardware_address, tmp_path, routes)


def test_the_interface_of_the_default_route_asks(machine: Callable[[], bytes]) -> None:
    assert machine() == MAC


def test_a_machine_without_a_way_out_says_so(tmp_path: Path) -> None:
    with pytest.raises(DiscoveryError, match="default route"):
        hardware_address(tmp_path, tmp_path / "route")


async def test_a_client_asks_again_where_the_service_is_once_nothing_is_there() -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    async with emulator() as imds:
        places = [gone, imds.url("db-0")]

        async def locate() -> str:
            return places.pop(0)

        async with ImdsClient("dhcp", locate=locate) as client:
            with pytest.raises(MetadataUnavailableError):
                await client.read_events()
            assert (await client.read_events()).events == ()
            assert client.url == imds.url("db-0")


async def test_what_dhcp_does_not_tell_is_an_unreachable_service() -> None:
    async def locate() -> str:
        raise DiscoveryError("no DHCP answer")

    async with ImdsClient("dhcp", locate=locate) as client:
        with pytest.raises(MetadataUnavailableError, match="no DHCP answer") as raised:
            await client.read_events()
    assert raised.value.outcome is MetadataOutcome.UNREACHABLE
