"""Jobs whose calls hold secrets, and attempts of them by whoever speaks the protocol."""

from collections.abc import Awaitable, Callable

from services.scheduler.dispatch.actions.callers import Speaker
from services.scheduler.dispatch.actions.exchange import Exchanges
from services.scheduler.dispatch.actions.posts import Posts
from services.scheduler.dispatch.actions.targets import TargetGuard
from services.scheduler.dispatch.actions.trust import Trust
from services.scheduler.dispatch.answers import Answer
from services.scheduler.domain.actions import Action, ActionName, Call, ErrorAction
from services.scheduler.domain.destinations import place_of
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.secret_fields import HeldSecret, with_secrets
from services.scheduler.domain.secrets import KeyId, SealedSecret, Secret, SecretKeeper
from shared.clock import Clock, SystemClock
from tests.parts.builders import action, definition, job, occurrence
from tests.parts.secrets import PlainKeeper
from tests.parts.vaults import collection

ANYWHERE = TargetGuard(deny=(), allow=())
KEEPER = PlainKeeper()
_UNSEALED = KeyId("unsealed")

Speak = Callable[[Call], Awaitable[Answer]]


def text(value: str) -> Secret:
    """Stand for a secret's text until `keeping` seals it."""
    return SealedSecret(key=_UNSEALED, box=value)


def posts(*, guard: TargetGuard = ANYWHERE, trust: Trust | None = None, clock: Clock | None = None) -> Posts:
    """Return what posts messages, to any address unless a guard says otherwise."""
    return Posts(Exchanges(guard, trust=(trust or Trust()).context()), clock or SystemClock())


def keeping(call: Call, keeper: SecretKeeper = KEEPER, *, in_error_action: bool = False) -> Job:
    """Return a job whose main or error action makes a call, its secrets sealed where they stand."""
    main = action().call if in_error_action else call
    return _sealing(Action(call=main, error_action=ErrorAction(call=call) if in_error_action else None), keeper)


def _sealing(unsealed: Action, keeper: SecretKeeper) -> Job:
    owner = job()

    def sealed(held: HeldSecret) -> Secret:
        if not isinstance(held.secret, SealedSecret):
            return held.secret
        place = place_of(owner.collection_id, owner.name, held.field, held.call)
        return keeper.seal(held.secret.box, place, collection(owner.collection))

    return job(what=definition(action=with_secrets(unsealed, sealed)))


async def run(speaker: Speaker, of: Job, *, host: HostView | None = None, error_action: bool = False) -> Answer:
    """Make the second attempt of a job's main or error action."""
    name = ActionName.ERROR if error_action else ActionName.MAIN
    return await speaker.call(of.definition.action.call_of(name), of, occurrence(of, action=name, attempt=2), host)


async def cancel(
    speaker: Speaker, call: Call, *, host: HostView | None = None, on_sent: Callable[[], None] = lambda: None
) -> Answer:
    """Have a speaker make a call as the cancel request that the second attempt of a job ends with."""
    of = _sealing(Action(call=action().call, cancel=call), KEEPER)
    what = of.definition.action.call_of(ActionName.CANCEL)
    return await speaker.call(what, of, occurrence(of, action=ActionName.CANCEL, attempt=2), host, on_sent=on_sent)


async def attempt(speaker: Speaker, call: Call, *, host: HostView | None = None, error_action: bool = False) -> Answer:
    """Have a speaker make a call as a job's main or error action."""
    return await run(speaker, keeping(call, in_error_action=error_action), host=host, error_action=error_action)
