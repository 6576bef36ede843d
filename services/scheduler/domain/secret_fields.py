"""Which secrets an action holds, each with the JSON path that its place is named by. Pure."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from services.scheduler.domain.actions import (
    Action,
    ActionKind,
    ActionName,
    Authentication,
    BasicAuthentication,
    Call,
    ClientCertificate,
    HttpCall,
    OAuthClient,
    ServiceBusCall,
    StorageQueueCall,
)
from services.scheduler.domain.secrets import SealedSecret, Secret

C = TypeVar("C", bound=Call)

MAIN = "action"
ERROR = "action.errorAction"
CANCEL = "maintenance.cancel"
MESSAGES = {
    ActionKind.HTTP: "request",
    ActionKind.HTTPS: "request",
    ActionKind.STORAGE_QUEUE: "queueMessage",
    ActionKind.SERVICE_BUS_QUEUE: "serviceBusQueueMessage",
    ActionKind.SERVICE_BUS_TOPIC: "serviceBusTopicMessage",
    ActionKind.MQTT: "mqttMessage",
}
"""The field of an action that says what each kind of it sends."""


class HeldSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret of `call`; `field` is its JSON path, such as `action.request.authentication.password`."""

    field: str
    secret: Secret
    call: Call


Change = Callable[[HeldSecret], Secret]


def path_of(action: Action, name: ActionName) -> str:
    """Return the JSON path of what `Action.call_of` returns."""
    if name is ActionName.ERROR and action.error_action is not None:
        return ERROR
    return CANCEL if name is ActionName.CANCEL and action.cancel is not None else MAIN


def secrets_of(action: Action) -> Iterator[HeldSecret]:
    """Yield every secret of an action, of its error action and of its cancel request."""
    yield from _held(action.call, MAIN)
    if action.error_action is not None:
        yield from _held(action.error_action.call, ERROR)
    if action.cancel is not None:
        yield from _held(action.cancel, CANCEL)


def sealed_under(action: Action) -> str | None:
    """Return the keys that an action's secrets are sealed under, sorted, with blanks between; None without any."""
    keys = {held.secret.key for held in secrets_of(action) if isinstance(held.secret, SealedSecret)}
    return " ".join(sorted(keys)) or None


def with_secrets(action: Action, change: Change) -> Action:
    """Return the action with each of its secrets exchanged for what `change` makes of it."""
    error = action.error_action
    if error is not None:
        error = replace(error, call=_changed(error.call, ERROR, change))
    cancel = None if action.cancel is None else _changed(action.cancel, CANCEL, change)
    return replace(action, call=_changed(action.call, MAIN, change), error_action=error, cancel=cancel)


def _held(call: Call, path: str) -> Iterator[HeldSecret]:
    if isinstance(call, HttpCall) and call.authentication is None and call.signing is None:
        return  # a million jobs are like this
    found: list[HeldSecret] = []

    def note(held: HeldSecret) -> Secret:
        found.append(held)
        return held.secret

    _changed(call, path, note)
    yield from found


def _changed(call: C, path: str, change: Change) -> C:
    message = f"{path}.{MESSAGES[call.kind]}"

    def changed(name: str, secret: Secret) -> Secret:
        return change(HeldSecret(field=f"{message}.{name}", secret=secret, call=call))

    match call:
        case HttpCall():
            authentication = None if call.authentication is None else _authentication(call.authentication, changed)
            signing = None if call.signing is None else changed("webhookSecret", call.signing)
            return replace(call, authentication=authentication, signing=signing)
        case StorageQueueCall():
            return replace(call, sas=changed("sasToken", call.sas))
        case ServiceBusCall():
            return replace(call, key=changed("authentication.sasKey", call.key))
        case _:
            return call


def _authentication(one: Authentication, changed: Callable[[str, Secret], Secret]) -> Authentication:
    match one:
        case BasicAuthentication():
            return replace(one, password=changed("authentication.password", one.password))
        case ClientCertificate():
            password = None if one.password is None else changed("authentication.password", one.password)
            return replace(one, pfx=changed("authentication.pfx", one.pfx), password=password)
        case OAuthClient():
            return replace(one, secret=changed("authentication.secret", one.secret))
