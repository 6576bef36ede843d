"""The flags that say what is sent: of a job's action, its error action, its cancel request."""

from collections.abc import Iterator
from shlex import quote
from typing import Any

from services.scheduler.domain.secret_fields import MESSAGES
from services.scheduler.portal.jobs.form.paths import Json, drop, look

Flag = str | None
"""A flag as it is typed; None for what the flag would say otherwise."""
_BUS = (
    ("namespace", "namespace"),
    ("queueName", "queue"),
    ("topicPath", "topic"),
    ("authentication.sasKeyName", "key-name"),
    ("transportType", "transport"),
    ("message", "message"),
)
_BUSES = ("serviceBusQueueMessage", "serviceBusTopicMessage")
_TEXTS = {
    "request.method": "method",
    "request.uri": "uri",
    "request.body": "body",
    "request.authentication.username": "username",
    "request.authentication.tenant": "tenant",
    "request.authentication.clientId": "client-id",
    "request.authentication.audience": "audience",
    "queueMessage.storageAccount": "storage-account",
    "queueMessage.queueName": "queue",
    "queueMessage.message": "message",
    **{f"{bus}.{field}": option for bus in _BUSES for field, option in _BUS},
    "mqttMessage.topic": "topic",
    "mqttMessage.payload": "message",
    "mqttMessage.qos": "qos",
    "mqttMessage.contentType": "content-type",
    "mqttMessage.responseTopic": "response-topic",
    "mqttMessage.correlationData": "correlation-data",
    "mqttMessage.messageExpiry": "message-expiry",
    "retryPolicy.retryType": "retry-type",
    "retryPolicy.retryCount": "retry-count",
    "retryPolicy.retryInterval": "retry-interval",
    "retryPolicy.maxInterval": "max-interval",
}
_PAIRS = {
    "request.headers": ("header", ":"),
    **{f"{bus}.customMessageProperties": ("property", "=") for bus in _BUSES},
    **{f"{bus}.brokeredMessageProperties": ("brokered", "=") for bus in _BUSES},
    "mqttMessage.userProperties": ("property", "="),
}
_SECRETS = {
    "request.authentication.pfx": ("pfx-file", "client.pfx"),
    "request.authentication.secret": ("client-secret-file", "client-secret.txt"),
    "request.webhookSecret": ("webhook-secret-file", "webhook-secret.txt"),
    "queueMessage.sasToken": ("sas-file", "sas.txt"),
    **{f"{bus}.authentication.sasKey": ("key-file", "key.txt") for bus in _BUSES},
}
_PASSWORDS = {
    "basic": ("password-file", "password.txt"),
    "clientcertificate": ("pfx-password-file", "pfx-password.txt"),
}
_OF_REQUESTS = frozenset({"method", "uri", "header", "body"})
"""All that a cancel request has flags for."""
_CANCEL = "cancel-"


def call_flags(left: Json, at: str, prefix: str) -> Iterator[Flag]:
    """Take from a document what flags that begin with `prefix` say of the call at `at`, and yield them."""
    if look(left, at) is None:
        return
    _forget_what_follows(left, at)
    if prefix != _CANCEL:
        yield from _proofs(left, at, prefix)
    if str(look(left, f"{at}.retryPolicy.retryType") or "").lower() == "none":
        drop(left, f"{at}.retryPolicy")
        yield f"--{prefix}no-retry"
    if taken(left, f"{at}.mqttMessage.retain"):
        yield f"--{prefix}retain"
    if look(left, f"{at}.request.body") is not None and look(left, f"{at}.request.method") is None:
        yield f"--{prefix}method GET"
    for path, option in _TEXTS.items():
        if (prefix != _CANCEL or option in _OF_REQUESTS) and (value := taken(left, f"{at}.{path}")) is not None:
            yield flag(f"--{prefix}{option}", str(value), reads_files=option in ("body", "message"))
    for path, (option, separator) in _PAIRS.items():
        if prefix != _CANCEL or option in _OF_REQUESTS:
            yield from pair_flags(left, f"{at}.{path}", f"--{prefix}{option}", separator)


def taken(left: Json, path: str) -> Any:
    """Return the one value that stands at a path, which is done with; None for none, or for a list or an object."""
    value = look(left, path)
    if value is None or isinstance(value, dict | list):
        return None
    drop(left, path)
    return value


def pair_flags(left: Json, path: str, option: str, separator: str) -> Iterator[Flag]:
    """Take names and values from a document and yield a flag for each."""
    pairs = look(left, path)
    if not isinstance(pairs, dict):
        return
    drop(left, path)
    for name, value in pairs.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        is_plain = (name, text) == (name.strip(), text.strip()) and separator not in name
        yield flag(option, f"{name}{separator}{text}") if is_plain else None


def flag(option: str, text: str, *, reads_files: bool = False) -> Flag:
    """Return a flag as it is typed; one that `reads_files` takes a text that begins with @ for a file's name."""
    if reads_files and text.startswith("@"):
        return None
    return f"{option}={quote(text)}" if text.startswith("-") else f"{option} {quote(text)}"


def _forget_what_follows(left: Json, at: str) -> None:
    """Drop what says nothing, or follows from the rest."""
    for message in MESSAGES.values():
        if look(left, f"{at}.{message}") is not None:
            drop(left, f"{at}.type")
            if message != "request":
                drop(left, f"{at}.{message}.authentication.type")
    for path in (f"{at}.mqttMessage.retain", f"{at}.request.headers"):
        if look(left, path) in (False, {}):
            drop(left, path)


def _proofs(left: Json, at: str, prefix: str) -> Iterator[Flag]:
    proof = f"{at}.request.authentication"
    kind = str(look(left, f"{proof}.type")).lower()
    if isinstance(found := look(left, proof), dict) and found.keys() - {"type"}:
        drop(left, f"{proof}.type")  # the others say which it is
    if kind in _PASSWORDS and taken(left, f"{proof}.password") is not None:
        yield f"--{prefix}{' '.join(_PASSWORDS[kind])}"
    for path, file in _SECRETS.items():
        if taken(left, f"{at}.{path}") is not None:
            yield f"--{prefix}{' '.join(file)}"
