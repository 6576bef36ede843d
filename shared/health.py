"""`python -m shared.health`: whether the service beside it lives, for HEALTHCHECK and exec probes; needs no curl."""

import http.client
import os
import sys
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Final

from shared.errors import LeewardError, PermanentError, TransientError
from shared.settings import Listen, parse_listen

_VARIABLE: Final = "LEEWARD_OPS_LISTEN"
_PATHS: Final = ("/livez", "/readyz")
_SECONDS: Final = 3.0
"""Shorter than the time that the images give the check, so that its own words are read and not that it took long."""
_LONGEST_REPLY: Final = 4096
_USAGE: Final = f"usage: python -m shared.health [{'|'.join(_PATHS)}]"


def main(environment: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Ask `/livez`, or the path given, and return the exit code: 0 for yes, 1 for everything else, said in one line."""
    try:
        path = _path(arguments)
        address = _address(environment)
        line = ask(address, path)
    except LeewardError as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    sys.stdout.write(f"{line}\n")
    return 0


def ask(address: Listen, path: str) -> str:
    """Return what the operations port answers; raises TransientError that says why that is no yes."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        text = "; ".join(reply.read(_LONGEST_REPLY).decode(errors="replace").splitlines())
    except OSError as fault:
        raise TransientError(f"http://{address}{path}: {fault}") from fault
    except http.client.HTTPException as fault:
        raise TransientError(f"http://{address}{path}: this is no HTTP: {str(fault).strip()}") from fault
    finally:
        connection.close()
    if reply.status != http.HTTPStatus.OK:
        raise TransientError(f"http://{address}{path}: {reply.status} {text}")
    return f"http://{address}{path}: {text}"


def reachable(listen: Listen) -> Listen:
    """Return where a process on the same machine reaches what listens there: all addresses include loopback's."""
    try:
        address = ip_address(listen.host)
    except ValueError:
        return listen
    if not address.is_unspecified:
        return listen
    return Listen("127.0.0.1" if address.version == 4 else "::1", listen.port)


def _path(arguments: Sequence[str]) -> str:
    paths = arguments or _PATHS[:1]
    if len(paths) != 1 or paths[0] not in _PATHS:
        raise PermanentError(_USAGE)
    return paths[0]


def _address(environment: Mapping[str, str]) -> Listen:
    text = environment.get(_VARIABLE, "")
    try:
        listen = parse_listen(text)
    except ValueError as fault:
        raise PermanentError(f"{_VARIABLE}={text}: {fault}") from None
    if not listen.port:
        raise PermanentError(f"{_VARIABLE}={text}: write the port itself; nobody can tell which one was free")
    return reachable(listen)


if __name__ == "__main__":
    sys.exit(main(os.environ, sys.argv[1:]))
