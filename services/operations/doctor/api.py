"""The scheduler's API as the client reaches it: address, certificate, token."""

import os
import ssl
from datetime import timedelta

import msgspec
from aiohttp import ClientConnectorCertificateError, ClientConnectorError, ClientError, ClientSession, ClientTimeout

from services.operations.doctor.clocks import judge_date
from services.operations.doctor.findings import Notes
from shared.addresses import is_confidential
from shared.clock import Clock

_PATH = "/api/v1/collections?%24top=1"
_SLOW = timedelta(seconds=2)


class ApiPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the API is, and what the client shows there; `trust` None means the machine's authorities."""

    url: str
    token: str = ""
    trust: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        """Return the form for debuggers, without the token."""
        return f"ApiPlace(url={self.url!r})"


async def examine_api(where: ApiPlace, clock: Clock, seconds: float, notes: Notes) -> None:
    """Ask for one collection."""
    if where.token and not is_confidential(where.url):
        notes.warn("address", f"the token goes to {where.url} unencrypted", "use https")
    headers = {"Authorization": f"Bearer {where.token}"} if where.token else {}
    limit = ClientTimeout(total=seconds)
    try:
        async with (
            ClientSession(timeout=limit, headers=headers) as session,
            session.get(f"{where.url}{_PATH}", ssl=where.trust or True, allow_redirects=False) as response,
        ):
            judge_date(response.headers.get("Date", ""), clock.now(), "the scheduler", notes)
            _judge_status(response.status, response.content_type, where, notes)
    except ClientConnectorCertificateError as fault:
        what = f"{where.url}: its certificate is not trusted ({_verdict(fault)})"
        notes.fail("reached", what, "name its authority with --ca or LEEWARD_CA")
    except (ClientError, OSError, TimeoutError) as fault:
        remedy = "start the scheduler, or correct --url or LEEWARD_URL; LEEWARD_LISTEN says where it listens"
        notes.fail("reached", f"{where.url} cannot be reached: {_reason(fault)}", remedy)


def _judge_status(status: int, kind: str, where: ApiPlace, notes: Notes) -> None:
    if status == 200 and kind == "application/json":
        notes.ok(
            "reached", f"{where.url} answers, and takes {'the token' if where.token else 'callers without a token'}"
        )
    elif status == 401:
        what = "does not take the token" if where.token else "wants a token"
        remedy = "set LEEWARD_TOKEN or LEEWARD_TOKEN_FILE; leeward tokens list FILE tells who may call, and until when"
        notes.fail("token", f"{where.url} {what}", remedy)
    elif status == 503:
        notes.warn("reached", f"{where.url} answers that it cannot serve now (503)", "see the part readiness")
    elif status == 429:
        notes.warn("reached", f"{where.url} answers that it is asked too often (429)", "try again in a minute")
    else:
        remedy = "correct --url or LEEWARD_URL: it must be what comes before /api/v1"
        notes.fail("reached", f"{where.url} answers {status} ({kind}): this is no scheduler's API", remedy)


def _verdict(fault: ClientConnectorCertificateError) -> str:
    error = fault.certificate_error
    return error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else str(error)


def _reason(fault: Exception) -> str:
    if isinstance(fault, TimeoutError):
        return "no answer in time"
    error = fault.os_error if isinstance(fault, ClientConnectorError) else fault
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno > 0 else error.strerror or str(error)
    return str(error)
