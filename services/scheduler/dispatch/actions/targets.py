"""Which addresses actions may reach: checked on the address really dialled (DESIGN §7, targets)."""

import ipaddress
import socket
from collections.abc import Iterable

from aiohttp import AddrInfoType

from shared.errors import PermanentError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class TargetDeniedError(PermanentError):
    """The address a target resolves to may not be reached."""


def unwrap(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for (mapped, NAT64, 6to4), else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


class TargetGuard:
    """Makes the sockets of outgoing connections; a denied address never gets one.

    Being the connector's socket factory it sees what names, literals and every retry really dial.
    """

    def __init__(self, deny: Iterable[str], allow: Iterable[str]) -> None:
        self._deny: tuple[Network, ...] = tuple(ipaddress.ip_network(network) for network in deny)
        self._allow: tuple[Network, ...] = tuple(ipaddress.ip_network(network) for network in allow)

    def permits(self, address: Address) -> bool:
        """Whether an address may be reached: allowed explicitly, or neither special nor denied."""
        plain = unwrap(address)
        if any(plain in network for network in self._allow):
            return True
        if plain.is_multicast or plain.is_unspecified:
            return False
        return not any(plain in network for network in self._deny)

    def open_socket(self, info: AddrInfoType) -> socket.socket:
        """Return a socket for a resolved address. Raises TargetDeniedError instead when it is denied."""
        family, kind, protocol, _, endpoint = info
        # A scope id ("%eth0") names an interface and is no part of the address.
        address = ipaddress.ip_address(str(endpoint[0]).partition("%")[0])
        if not self.permits(address):
            raise TargetDeniedError(f"target address {address} is denied (LEEWARD_TARGETS_DENY)")
        return socket.socket(family, kind, protocol)
