"""Which addresses actions may reach: checked on the address really dialled (DESIGN §7, targets)."""

import ipaddress
import socket
from collections.abc import Iterable, Iterator

from aiohttp import AddrInfoType

from shared.errors import PermanentError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_BEFORE_IPV4 = (
    ipaddress.IPv6Network("::/96"),  # IPv4-compatible (RFC 4291 §2.5.5.1)
    ipaddress.IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated (RFC 2765 §2.1)
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64 (RFC 6052 §2.1)
)
"""What stands before an IPv4 address in the last 32 bits."""
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
"""NAT64 of a network's own (RFC 8215): its prefix may be any longer one in this."""
_ISATAP = (0x00005EFE, 0x02005EFE)
"""What stands before the IPv4 address in an interface identifier (RFC 5214 §6.1)."""


class TargetDeniedError(PermanentError):
    """The address a target resolves to may not be reached."""


def denied_in(fault: BaseException | None) -> TargetDeniedError | None:
    """Return the denial that a fault came from, however often it was wrapped on its way."""
    while fault is not None and not isinstance(fault, TargetDeniedError):
        fault = fault.__cause__ or fault.__context__
    return fault


def readings(address: Address) -> tuple[Address, ...]:
    """Return an address and every IPv4 address that the kernel, a tunnel or a translator may take it for.

    These are the mapped, compatible, translated, NAT64, 6to4, Teredo and ISATAP forms.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    return (address, *(ipaddress.IPv4Address(found) for found in _embedded(address)))


def _embedded(address: ipaddress.IPv6Address) -> Iterator[int | bytes]:
    octets = address.packed
    if address.ipv4_mapped is not None:
        yield int(address.ipv4_mapped)
    if address.sixtofour is not None:
        yield int(address.sixtofour)
    if address.teredo is not None:
        yield from map(int, address.teredo)
    compatible = any(address in prefix for prefix in _BEFORE_IPV4) and int(address) > 1  # neither :: nor ::1
    if compatible or int.from_bytes(octets[8:12]) in _ISATAP:
        yield octets[12:]
    if address in _LOCAL_NAT64:
        yield from _translated(octets)


def _translated(octets: bytes) -> Iterator[bytes]:
    """Yield what prefixes of 48, 56, 64 and 96 bits leave; the ninth octet is no part of it (RFC 6052 §2.2).

    0.0.0.0/8 is left out: a reading with the wrong length gives mostly zeros, and no translator sends there.
    """
    without_ninth = octets[:8] + octets[9:]
    for found in (without_ninth[6:10], without_ninth[7:11], without_ninth[8:12], octets[12:]):
        if found[0]:
            yield found


class TargetGuard:
    """Makes the sockets of outgoing connections; a denied address never gets one.

    Being the connector's socket factory it sees what names, literals and every retry really dial.
    """

    def __init__(self, deny: Iterable[str], allow: Iterable[str]) -> None:
        self._deny: tuple[Network, ...] = tuple(ipaddress.ip_network(network) for network in deny)
        self._allow: tuple[Network, ...] = tuple(ipaddress.ip_network(network) for network in allow)

    def permits(self, address: Address) -> bool:
        """Whether an address may be reached: each reading of it allowed explicitly, or neither special nor denied."""
        return all(self._permits(reading) for reading in readings(address))

    def _permits(self, address: Address) -> bool:
        if any(address in network for network in self._allow):
            return True
        if address.is_multicast or address.is_unspecified:
            return False
        return not any(address in network for network in self._deny)

    def open_socket(self, info: AddrInfoType) -> socket.socket:
        """Return a socket for a resolved address. Raises TargetDeniedError instead when it is denied."""
        family, kind, protocol, _, endpoint = info
        # A scope id ("%eth0") names an interface and is no part of the address.
        address = ipaddress.ip_address(str(endpoint[0]).partition("%")[0])
        if not self.permits(address):
            raise TargetDeniedError(f"target address {address} is denied (LEEWARD_TARGETS_DENY)")
        return socket.socket(family, kind, protocol)
