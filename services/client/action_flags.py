"""The flags that say what is sent: of a job's action, of its error action, of its cancel request."""

from typing import Any

import msgspec

from services.client.flags import Decorator, Options, choice, flag

_SOURCE = "FILE"
_TRANSPORTS = choice("NetMessaging", "AMQP")
Row = tuple[str, dict[str, Any]]
"""A flag without its dashes and prefix, and what click is to know of it."""

_REQUEST: tuple[Row, ...] = (
    ("uri", {"help": "What to call; {host} stands for the address of the host it runs on."}),
    ("method", {"help": "GET, POST, PUT, DELETE, … [default: GET, POST with a body]."}),
    ("header", {"multiple": True, "metavar": "NAME:VALUE", "help": "A header; may be repeated."}),
    ("body", {"help": "Text to send; @FILE reads it from a file."}),
)
_PROOF: tuple[Row, ...] = (
    ("username", {"help": "Basic authentication: who."}),
    ("password-file", {"metavar": _SOURCE, "help": "Its password: a file, - for standard input, env:NAME."}),
    ("pfx-file", {"metavar": _SOURCE, "help": "A client certificate with its key (.pfx)."}),
    ("pfx-password-file", {"metavar": _SOURCE, "help": "The password of that file, if it has one."}),
    ("tenant", {"help": "OAuth with Azure AD: the tenant."}),
    ("client-id", {"help": "… the client."}),
    ("client-secret-file", {"metavar": _SOURCE, "help": "… its secret."}),
    ("audience", {"help": "… whom the token is for."}),
    ("webhook-secret-file", {"metavar": _SOURCE, "help": "Sign each request: whsec_…, as Standard Webhooks."}),
)
_MESSAGE: tuple[Row, ...] = (
    ("message", {"help": "Text of a message; @FILE reads it from a file."}),
    ("storage-account", {"metavar": "NAME", "help": "Put it into a queue of this storage account."}),
    ("sas-file", {"metavar": _SOURCE, "help": "… by this SAS token."}),
    ("namespace", {"metavar": "NAME", "help": "Send it to a queue or topic of this Service Bus namespace."}),
    ("key-name", {"metavar": "NAME", "help": "… by the shared access key of this name."}),
    ("key-file", {"metavar": _SOURCE, "help": "… which is this."}),
    ("transport", {"type": _TRANSPORTS, "help": "… over this [default: NetMessaging, which is HTTPS]."}),
    (
        "brokered",
        {
            "multiple": True,
            "metavar": "NAME=VALUE",
            "help": "… with what Service Bus understands: label, sessionId, timeToLive, …; may be repeated.",
        },
    ),
    ("property", {"multiple": True, "metavar": "NAME=VALUE", "help": "A property of your own; may be repeated."}),
    ("queue", {"metavar": "NAME", "help": "The queue."}),
    ("topic", {"metavar": "PATH", "help": "The topic; without --namespace one of MQTT."}),
    ("qos", {"type": int, "help": "MQTT's quality of service: 0, 1 (by default) or 2."}),
    ("retain", {"is_flag": True, "help": "Have the MQTT broker keep it."}),
    ("content-type", {"metavar": "TYPE", "help": "What the MQTT message is, such as application/json."}),
    ("response-topic", {"metavar": "TOPIC", "help": "Where an answer to the MQTT message is awaited."}),
    ("correlation-data", {"metavar": "TEXT", "help": "What that answer is to repeat."}),
    ("message-expiry", {"metavar": "LENGTH", "help": "The broker forgets the MQTT message after this time."}),
)
_FIELDS = {"header": "headers", "property": "properties"}
"""Repeatable flags have their field in the plural."""


def _options(rows: tuple[Row, ...], section: str, prefix: str = "") -> Options:
    return tuple(_option(name, settings, section, prefix) for name, settings in rows)


def _option(name: str, settings: dict[str, Any], section: str, prefix: str) -> Decorator:
    field = f"{prefix}{_FIELDS.get(name, name)}".replace("-", "_")
    told = {**settings, "help": f"As --{name}."} if prefix else settings
    return flag(section, f"--{prefix}{name}", field, **told)


_ATTEMPTS: tuple[Row, ...] = (
    ("retry-count", {"type": int, "help": "Repeat a failed call so often (4 by default)."}),
    ("retry-interval", {"metavar": "LENGTH", "help": "Wait so long between repeats: 30s by default."}),
    (
        "retry-type",
        {
            "type": choice("Fixed", "Exponential", "None"),
            "help": "Repeats come Fixed apart (by default) or Exponential: ever longer, with jitter.",
        },
    ),
    ("max-interval", {"metavar": "LENGTH", "help": "Exponential repeats come at most so far apart: 1h."}),
    ("no-retry", {"is_flag": True, "help": "Do not repeat a failed call."}),
)
ERROR, CANCEL = "error-", "cancel-"
ACTION_OPTIONS = (
    *_options(_REQUEST, "What is called"),
    *_options(_PROOF, "How it authenticates"),
    *_options(_MESSAGE, "Or what message is sent"),
)
ATTEMPT_OPTIONS = _options(_ATTEMPTS, "When it fails")
ERROR_OPTIONS = _options(
    (*_REQUEST, *_PROOF, *_MESSAGE, *_ATTEMPTS), "When it has failed for good: the error action", ERROR
)
CANCEL_OPTIONS = _options(_REQUEST, "When an event breaks it off: the cancel request", CANCEL)


class RetryFlags(msgspec.Struct, frozen=True, kw_only=True):
    """What was given of how failed attempts are repeated."""

    retry_count: int | None = None
    retry_interval: str | None = None
    retry_type: str | None = None
    max_interval: str | None = None
    no_retry: bool = False


class ActionFlags(RetryFlags, frozen=True, kw_only=True):
    """What was given of an action; fields that end in `_file` say where a secret is read from.

    `prefix` is how its flags begin: `error-` for those of an error action.
    """

    prefix: str = ""
    uri: str | None = None
    method: str | None = None
    headers: tuple[str, ...] = ()
    body: str | None = None
    username: str | None = None
    password_file: str | None = None
    pfx_file: str | None = None
    pfx_password_file: str | None = None
    tenant: str | None = None
    client_id: str | None = None
    client_secret_file: str | None = None
    audience: str | None = None
    webhook_secret_file: str | None = None
    message: str | None = None
    storage_account: str | None = None
    sas_file: str | None = None
    namespace: str | None = None
    key_name: str | None = None
    key_file: str | None = None
    transport: str | None = None
    brokered: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    queue: str | None = None
    topic: str | None = None
    qos: int | None = None
    retain: bool = False
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: str | None = None
    message_expiry: str | None = None

    def option(self, name: str) -> str:
        """Return the flag of this name as it is written."""
        return f"--{self.prefix}{name}"
