"""The real caller of HTTP actions, everything left at its default that a test does not name, and jobs with secrets."""

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
from services.scheduler.dispatch.attempts import Answer
from services.scheduler.domain.actions import Action, ActionName, ErrorAction, HttpCall
from services.scheduler.domain.destinations import place_of
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.secret_fields import HeldSecret, with_secrets
from services.scheduler.domain.secrets import KeyId, SealedSecret, Secret, SecretKeeper
from services.scheduler.vault.pfx_files import PfxFiles
from shared.clock import Clock, SystemClock
from tests.parts.builders import action, definition, job, occurrence
from tests.parts.secrets import PlainKeeper
from tests.parts.vaults import collection

AUTHORITY = "https://login.test"
_UNSEALED = KeyId("unsealed")


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
    exchanges = Exchanges(guard or TargetGuard(deny=(), allow=()), trust=trusting, resolver=resolver)
    tokens = Tokens(exchanges, authority, clock)
    certificates = ClientCertificates(trust, clock, pfx_files or PfxFiles())
    credentials = Credentials(secrets or PlainKeeper(), certificates, tokens)
    return HttpCaller(exchanges, credentials, clock)


@cache
def _system_authorities() -> SSLContext:
    """Reading them takes longer than most tests."""
    return Trust().context()


def text(value: str) -> Secret:
    """Stand for a secret's text until `keeping` seals it."""
    return SealedSecret(key=_UNSEALED, box=value)


def keeping(call: HttpCall, keeper: SecretKeeper, *, in_error_action: bool = False) -> Job:
    """Return a job whose main or error action makes a call, its secrets sealed where they stand."""
    owner, main = job(), action().call if in_error_action else call
    unsealed = Action(call=main, error_action=ErrorAction(call=call) if in_error_action else None)

    def sealed(held: HeldSecret) -> Secret:
        if not isinstance(held.secret, SealedSecret):
            return held.secret
        place = place_of(owner.collection_id, owner.name, held.field, held.call)
        return keeper.seal(held.secret.box, place, collection(owner.collection))

    return job(what=definition(action=with_secrets(unsealed, sealed)))


async def run(caller: HttpCaller, of: Job, *, error_action: bool = False) -> Answer:
    """Make an attempt of a job's main or error action."""
    name = ActionName.ERROR if error_action else ActionName.MAIN
    call = of.definition.action.call_of(name)
    assert isinstance(call, HttpCall)
    return await caller.call(call, of, occurrence(of, action=name), None)
