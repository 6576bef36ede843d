"""What the services of this machine say of themselves at their operations ports."""

from collections.abc import Sequence

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout

from services.operations.doctor.findings import Notes
from shared.health import reachable
from shared.settings import parse_listen

_SECONDS = 3.0
_MOST_BYTES = 4096


class Port(msgspec.Struct, frozen=True, kw_only=True):
    """Where a service answers; `is_own` for the one whose settings are looked at, which ought to run."""

    program: str
    listen: str
    is_own: bool


async def examine_readiness(ports: Sequence[Port], notes: Notes) -> None:
    """Ask each port for `/readyz`."""
    async with ClientSession(timeout=ClientTimeout(total=_SECONDS)) as session:
        for port in ports:
            await _ask(session, port, notes)


async def _ask(session: ClientSession, port: Port, notes: Notes) -> None:
    url = f"http://{reachable(parse_listen(port.listen))}/readyz"
    try:
        async with session.get(url, allow_redirects=False) as response:
            text = (await response.content.read(_MOST_BYTES)).decode("utf-8", "replace")
            _judge(port.program, response.status, text, notes)
    except (ClientError, OSError, TimeoutError):
        if port.is_own:
            remedy = "start it, and look into its log if it ends; leeward-scheduler --check and leeward-vmwatch --check"
            notes.warn(port.program, f"{port.program} does not answer at {port.listen}: it does not run here", remedy)
        else:
            notes.skip(port.program, f"{port.program} does not answer at {port.listen}: it need not run here")


def _judge(program: str, status: int, text: str, notes: Notes) -> None:
    if status == 200:
        notes.ok(program, f"{program} says that it is ready")
    elif status == 503:
        for line in text.splitlines():
            notes.fail(program, f"{program} is not ready: {line}", "see the other parts for what that is about")
    else:
        notes.fail(program, f"{program} answers {status}", "see what else listens there: LEEWARD_OPS_LISTEN")
