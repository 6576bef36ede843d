"""Which ports are free: what people are told must be theirs, what is internal moves out of the way."""

import errno
import socket

from services.local.errors import PortTakenError

LOOPBACK = "127.0.0.1"
_HIGHEST = 65535


def is_free(port: int, address: str = LOOPBACK) -> bool:
    """Say whether a server could listen there now. Any fault but a taken port is raised as the OSError it is."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as fault:
            if fault.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def demand(port: int, *, purpose: str, flag: str, avoid: frozenset[int] = frozenset()) -> int:
    """Return the port if it is free and not one to avoid, else raise PortTakenError naming the flag that moves it."""
    if port in avoid:
        raise PortTakenError(f"port {port} ({purpose}) is another part's already: choose another port with {flag}")
    if not is_free(port):
        raise PortTakenError(
            f"port {port} ({purpose}) is in use by another program: stop it, or choose another port with {flag}"
        )
    return port


def choose(*wishes: int, addresses: tuple[str, ...] = (LOOPBACK,), avoid: frozenset[int] = frozenset()) -> int:
    """Return the first wish that is free on every address, else any port that is."""
    for port in wishes:
        if port not in avoid and all(is_free(port, address) for address in addresses):
            return port
    while True:
        port = _any(addresses[0])
        if port not in avoid and all(is_free(port, address) for address in addresses):
            return port


def _any(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def following(first: int, count: int, *, flag: str) -> tuple[int, ...]:
    """Return `count` ports from `first` on; raises PortTakenError, naming the flag, when they would leave the range."""
    if first + count - 1 > _HIGHEST:
        raise PortTakenError(f"{count} ports from {first} on end beyond {_HIGHEST}: choose a lower port with {flag}")
    return tuple(range(first, first + count))
