"""Where the metadata service is for a VM outside of a virtual network: DHCP option 245 (reference §1.1, S12).

Classic cloud-service VMs do not reach 169.254.169.254. Azure's DHCP server names the address in option 245 of every
offer, so it is asked for one (DHCPDISCOVER, RFC 2131), which is never taken up: the VM's lease stays as it is.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import IPv4Address
from pathlib import Path
from socket import AF_INET, SO_BROADCAST, SO_REUSEADDR, SOCK_DGRAM, SOL_SOCKET, socket
from typing import Final

import msgspec

from services.vmwatch.errors import DiscoveryError
from shared.logs import get_logger

ENDPOINT_OPTION: Final = 245
_REQUEST, _REPLY = 1, 2
_ETHERNET, _ETHERNET_LENGTH = 1, 6
_BROADCAST_FLAG = 0x8000
_COOKIE = bytes((99, 130, 83, 99))
_OPTIONS_AT = 240
_PAD, _END = 0, 255
_DISCOVER = bytes((53, 1, 1)) + bytes((55, 1, ENDPOINT_OPTION)) + bytes((_END,))
_SHORTEST_QUESTION = 300
"""Relays may drop what is shorter (RFC 1542 §2.1)."""
_LONGEST_REPLY = 4096
_PRIVILEGE: Final = (
    "it takes the right to use ports below 1024: run as root, or with AmbientCapabilities=CAP_NET_BIND_SERVICE in the"
    " systemd unit; or set LEEWARD_IMDS_URL to the address"
)
_log = get_logger(__name__)


class Dhcp(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask, from where, and how patiently: `seconds` for each of `attempts`."""

    server: tuple[str, int] = ("255.255.255.255", 67)
    client: tuple[str, int] = ("0.0.0.0", 68)
    seconds: float = 3.0
    attempts: int = 2


async def discover(dhcp: Dhcp, hardware: Callable[[], bytes]) -> str:
    """Return the URL of the metadata service, as DHCP tells it; `hardware` returns this VM's Ethernet address.

    Raises DiscoveryError.
    """
    transaction, address = secrets.token_bytes(4), hardware()
    with closing(_socket(dhcp)) as line:
        for _ in range(dhcp.attempts):
            try:
                async with asyncio.timeout(dhcp.seconds):
                    found = await _ask(line, dhcp, transaction, address)
            except TimeoutError:
                continue
            except OSError as fault:
                raise DiscoveryError(
                    f"DHCP could not be asked at {dhcp.server[0]}: {fault.strerror or fault}"
                ) from fault
            _log.info("metadata service found by DHCP", address=str(found))
            return f"http://{found}"
    waited = dhcp.seconds * dhcp.attempts
    raise DiscoveryError(
        f"no DHCP answer with option {ENDPOINT_OPTION} within {waited:g} s: only Azure's DHCP gives it; a VM in a"
        " virtual network needs no LEEWARD_IMDS_URL"
    )


def hardware_address(interfaces: Path = Path("/sys/class/net"), routes: Path = Path("/proc/net/route")) -> bytes:
    """Return the Ethernet address of the interface that broadcasts leave by, that of the default route.

    Raises DiscoveryError.
    """
    for name in _default_interfaces(routes):
        try:
            address = bytes.fromhex((interfaces / name / "address").read_text(encoding="ascii").replace(":", " "))
        except (OSError, ValueError):
            continue
        if len(address) == _ETHERNET_LENGTH:
            return address
    raise DiscoveryError("DHCP cannot be asked: there is no Ethernet interface with a default route")


def to_request(transaction: bytes, hardware: bytes) -> bytes:
    """Return a DHCPDISCOVER that asks for option 245, to be answered by broadcast."""
    head = bytes((_REQUEST, _ETHERNET, _ETHERNET_LENGTH, 0)) + transaction + bytes(2)
    flags = _BROADCAST_FLAG.to_bytes(2, "big")
    fields = (head + flags + bytes(16) + hardware).ljust(_OPTIONS_AT - len(_COOKIE), b"\0")
    return (fields + _COOKIE + _DISCOVER).ljust(_SHORTEST_QUESTION, b"\0")


def endpoint_in(reply: bytes, transaction: bytes, hardware: bytes) -> IPv4Address | None:
    """Return the address in option 245 of a reply to this very question; None for anything else, whatever it is."""
    is_ours = (
        reply[:1] == bytes((_REPLY,))
        and reply[4:8] == transaction
        and reply[28 : 28 + _ETHERNET_LENGTH] == hardware
        and reply[_OPTIONS_AT - len(_COOKIE) : _OPTIONS_AT] == _COOKIE
    )
    if not is_ours:
        return None
    return next(
        (IPv4Address(value) for code, value in _options(reply) if code == ENDPOINT_OPTION and len(value) == 4), None
    )


def to_error(fault: OSError, port: int) -> DiscoveryError:
    """Say why the port of DHCP clients cannot be had, and how it could."""
    cause = f"DHCP cannot be asked from UDP port {port}: {fault.strerror or fault}"
    return DiscoveryError(f"{cause}; {_PRIVILEGE}" if isinstance(fault, PermissionError) else cause)


def _options(reply: bytes) -> Iterator[tuple[int, bytes]]:
    at = _OPTIONS_AT
    while at + 1 < len(reply) and reply[at] != _END:
        if reply[at] == _PAD:
            at += 1
            continue
        end = at + 2 + reply[at + 1]
        yield reply[at], reply[at + 2 : end]
        at = end


def _default_interfaces(routes: Path) -> Iterator[str]:
    try:
        lines = routes.read_text(encoding="ascii").splitlines()[1:]
    except (OSError, ValueError):
        return
    for fields in map(str.split, lines):
        if len(fields) > 1 and fields[1] == "00000000":
            yield fields[0]


def _socket(dhcp: Dhcp) -> socket:
    line = socket(AF_INET, SOCK_DGRAM)
    try:
        line.setblocking(False)
        line.setsockopt(SOL_SOCKET, SO_BROADCAST, 1)
        # The VM's own DHCP client has the port, too.
        line.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        line.bind(dhcp.client)
    except OSError as fault:
        line.close()
        raise to_error(fault, dhcp.client[1]) from fault
    return line


async def _ask(line: socket, dhcp: Dhcp, transaction: bytes, hardware: bytes) -> IPv4Address:
    line.sendto(to_request(transaction, hardware), dhcp.server)
    while True:
        reply = await asyncio.get_running_loop().sock_recv(line, _LONGEST_REPLY)
        if (address := endpoint_in(reply, transaction, hardware)) is not None:
            return address
