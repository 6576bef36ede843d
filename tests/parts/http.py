"""The real caller of HTTP actions, everything left at its default that a test does not name."""

from functools import cache
from pathlib import Path
from ssl import SSLContext

from aiohttp.abc import AbstractResolver

from services.scheduler.dispatch.actions.client_certificates import ClientCertificates
from services.scheduler.dispatch.actions.credentials import Credentials
from services.scheduler.dispatch.actions.exchange import Exchanges
from services.scheduler.dispatch.actions.http import HttpCaller
from services.scheduler.dispatch.actions.oauth import Tokens
from services.scheduler.dispatch.actions.targets import TargetGuard
from services.scheduler.dispatch.actions.trust import Trust
from services.scheduler.domain.secrets import SecretKeeper
from services.scheduler.vault.pfx_files import PfxFiles
from shared.clock import Clock, SystemClock
from tests.parts.secrets import PlainKeeper
from tests.parts.speaking import ANYWHERE

AUTHORITY = "https://login.test"


def http_caller(
    *,
    guard: TargetGuard | None = None,
    clock: Clock | None = None,
    secrets: SecretKeeper | None = None,
    authority: str = AUTHORITY,
    authorities: Path | None = None,
    resolver: AbstractResolver | None = None,
    pfx_files: PfxFiles | None = None,
) -> HttpCaller:
    """Return a caller that may reach every address."""
    clock, trust = clock or SystemClock(), Trust(authorities)
    trusting = _system_authorities() if authorities is None else trust.context()
    exchanges = Exchanges(guard or ANYWHERE, trust=trusting, resolver=resolver)
    tokens = Tokens(exchanges, authority, clock)
    certificates = ClientCertificates(trust, clock, pfx_files or PfxFiles())
    credentials = Credentials(secrets or PlainKeeper(), certificates, tokens)
    return HttpCaller(exchanges, credentials, clock)


@cache
def _system_authorities() -> SSLContext:
    """Reading them takes longer than most tests."""
    return Trust().context()
