"""Which addresses the guard permits, and what stands in an address beside itself."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.dispatch.actions.targets import TargetGuard, readings
from services.scheduler.settings import Settings


def permits(address: str, *, deny: tuple[str, ...] = (), allow: tuple[str, ...] = ()) -> bool:
    settings = Settings(targets_deny=deny, targets_allow=allow)
    return TargetGuard(settings.denied, settings.targets_allow).permits(ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_found_in_every_form_that_carries_it(address: IPv4Address) -> None:
    four = address.packed
    forms = (
        bytes(10) + b"\xff\xff" + four,
        bytes(8) + b"\xff\xff\0\0" + four,
        b"\0\x64\xff\x9b" + bytes(8) + four,
        b"\x20\x02" + four + bytes(10),
        b"\x20\x01\0\0" + four + bytes(8),
        b"\x20\x01\0\0" + bytes(8) + bytes(octet ^ 0xFF for octet in four),
        b"\xfd\0" + bytes(6) + b"\0\0\x5e\xfe" + four,
        b"\xfd\0" + bytes(6) + b"\x02\0\x5e\xfe" + four,
    )
    assert all(address in readings(IPv6Address(form)) for form in forms)


@given(st.ip_addresses(v=4, network="127.0.0.0/8"), st.sampled_from([6, 7, 8, 12]))
def test_a_networks_own_nat64_hides_nothing_whatever_its_prefix(address: IPv4Address, start: int) -> None:
    octets = bytearray(b"\0\x64\xff\x9b\0\x01" + bytes(10))
    places = [place for place in range(start, 16) if place != 8 or start == 12][:4]
    for place, octet in zip(places, address.packed, strict=True):
        octets[place] = octet
    assert not permits(str(IPv6Address(bytes(octets))))


@pytest.mark.parametrize(
    "address", ["10.0.0.4", "192.168.1.1", "100.64.0.1", "8.8.8.8", "fd00::4", "2001:db8::1", "64:ff9b:1::a00:4"]
)
def test_private_networks_are_open_because_vms_live_there(address: str) -> None:
    assert permits(address)
    assert not permits(address, deny=("0.0.0.0/0", "::/0"))


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "168.63.129.16", "0.0.0.0", "::1", "fe80::1"])
def test_what_is_listed_comes_on_top_of_what_is_always_denied(address: str) -> None:
    assert not permits(address)
    assert not permits(address, deny=("10.0.0.0/8",))
    assert not permits(address, deny=("10.0.0.0/8",), allow=("10.0.0.4/32",))


def test_what_is_allowed_is_just_that() -> None:
    allow = ("127.0.0.2/32", "10.1.0.0/16")
    deny = ("10.0.0.0/8",)
    opened = {address: permits(address, deny=deny, allow=allow) for address in ("127.0.0.2", "127.0.0.1", "10.1.2.3")}
    assert opened == {"127.0.0.2": True, "127.0.0.1": False, "10.1.2.3": True}
    assert not permits("10.2.0.0", deny=deny, allow=allow)


def test_an_ipv4_network_that_is_allowed_is_allowed_in_ipv6_clothes_too() -> None:
    assert permits("::ffff:127.0.0.2", allow=("127.0.0.2/32",))
    assert not permits("::ffff:127.0.0.1", allow=("127.0.0.2/32",))


def test_loopback_of_ipv6_can_be_opened_by_itself() -> None:
    assert permits("::1", allow=("::1/128",))
    assert not permits("::", allow=("::1/128",))


@pytest.mark.parametrize("address", ["224.0.0.1", "239.255.255.250", "ff02::1", "::ffff:224.0.0.1"])
def test_multicast_is_no_target(address: str) -> None:
    assert not permits(address)
