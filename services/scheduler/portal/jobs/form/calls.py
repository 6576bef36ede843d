"""The inputs that say what a job does, for its action and for what follows when that failed: every type of action."""

from collections.abc import Iterator

from services.scheduler.api.schemas.actions import AuthenticationType, RetryType
from services.scheduler.api.schemas.http_calls import METHODS
from services.scheduler.domain.actions import ActionKind
from services.scheduler.domain.secret_fields import ERROR, MAIN, MESSAGES
from services.scheduler.portal.jobs.form.inputs import Group, Input, Option, When, Widget

KINDS = (
    Option(ActionKind.HTTP, "an HTTP or HTTPS request"),
    Option(ActionKind.STORAGE_QUEUE, "a message to a Storage queue"),
    Option(ActionKind.SERVICE_BUS_QUEUE, "a message to a Service Bus queue"),
    Option(ActionKind.SERVICE_BUS_TOPIC, "a message to a Service Bus topic"),
    Option(ActionKind.MQTT, "an MQTT message"),
)
"""HTTP stands for both: the URI decides what is spoken."""
NO_KIND = Option("", "nothing")
_HOST_HINT = "{host} and {hostname} stand for the host it runs on"
_BROKERED = (
    ("label", "Label"),
    ("messageId", "Message id"),
    ("correlationId", "Correlation id"),
    ("sessionId", "Session id"),
    ("partitionKey", "Partition key"),
    ("contentType", "Content type"),
    ("to", "To"),
    ("replyTo", "Reply to"),
    ("replyToSessionId", "Reply to session id"),
    ("viaPartitionKey", "Via partition key"),
)


def action_groups() -> tuple[Group, ...]:
    """Return what the job does, and how often it tries."""
    return (
        Group(id="what", title="What it does", parts=(_kind(MAIN, KINDS, "It sends"), *_messages(MAIN))),
        Group(id="retries", title="When it fails", parts=(*_attempts(MAIN), *_error())),
    )


def _kind(at: str, options: tuple[Option, ...], label: str) -> Input:
    return Input(path=f"{at}.type", label=label, widget=Widget.CALL, options=options, default=options[0].value)


def _error() -> Iterator[Input | Group]:
    yield _kind(ERROR, (NO_KIND, *KINDS), "When all attempts failed, it sends")
    yield from _messages(ERROR)
    policy = f"{ERROR}.retryPolicy"
    yield Group(
        id="error-retries",
        title="Attempts of that",
        parts=tuple(_attempts(ERROR)),
        when=When(f"{ERROR}.type", tuple(option.value for option in KINDS)),
        within=(policy,),
        folded=True,
    )


def _messages(at: str) -> Iterator[Group]:
    for kind, title, inputs in (
        (ActionKind.HTTP, "Request", _request(at)),
        (ActionKind.STORAGE_QUEUE, "Message to a Storage queue", _storage(at)),
        (ActionKind.SERVICE_BUS_QUEUE, "Message to a Service Bus queue", _bus(at, ActionKind.SERVICE_BUS_QUEUE)),
        (ActionKind.SERVICE_BUS_TOPIC, "Message to a Service Bus topic", _bus(at, ActionKind.SERVICE_BUS_TOPIC)),
        (ActionKind.MQTT, "MQTT message", _mqtt(at)),
    ):
        message = f"{at}.{MESSAGES[kind]}"
        when = When(f"{at}.type", (kind.value,))
        yield Group(id=_id(message), title=title, parts=tuple(inputs), when=when, within=(message,))


def _request(at: str) -> Iterator[Input | Group]:
    request = f"{at}.request"
    yield Input(
        path=f"{request}.method",
        label="Method",
        widget=Widget.CHOICE,
        options=tuple(Option(method, method) for method in METHODS),
        default="GET",
    )
    yield Input(path=f"{request}.uri", label="URI", required=True, hint=f"https://…; {_HOST_HINT}")
    yield Input(
        path=f"{request}.headers", label="Headers", widget=Widget.HEADERS, hint="one a line: Content-Type: text/plain"
    )
    yield Input(path=f"{request}.body", label="Body", widget=Widget.TEXT)
    yield Input(
        path=f"{request}.authentication.type",
        label="Authentication",
        widget=Widget.CHOICE,
        options=(
            Option("", "none"),
            Option(AuthenticationType.BASIC, "user name and password (Basic)"),
            Option(AuthenticationType.CLIENT_CERTIFICATE, "client certificate"),
            Option(AuthenticationType.OAUTH, "OAuth with Azure AD (ActiveDirectoryOAuth)"),
        ),
    )
    yield from _authentications(f"{request}.authentication")
    yield Input(
        path=f"{request}.webhookSecret",
        label="Secret to sign with",
        widget=Widget.SECRET,
        optional_secret=True,
        hint="whsec_…, as Standard Webhooks; leave it empty for no signature",
    )


def _authentications(at: str) -> Iterator[Group]:
    for kind, title, inputs in (
        (
            AuthenticationType.BASIC,
            "User name and password",
            (
                Input(path=f"{at}.username", label="User name", required=True),
                Input(path=f"{at}.password", label="Password", widget=Widget.SECRET, required=True),
            ),
        ),
        (
            AuthenticationType.CLIENT_CERTIFICATE,
            "Client certificate",
            (
                Input(
                    path=f"{at}.pfx",
                    label="Certificate with its key",
                    widget=Widget.FILE,
                    required=True,
                    hint="a .pfx file in base64",
                ),
                Input(
                    path=f"{at}.password",
                    name=f"{at}.pfxPassword",
                    label="Password of that file",
                    widget=Widget.SECRET,
                    hint="if it has one",
                ),
            ),
        ),
        (
            AuthenticationType.OAUTH,
            "OAuth with Azure AD",
            (
                Input(path=f"{at}.tenant", label="Tenant", required=True, hint="its id, or such as contoso.com"),
                Input(path=f"{at}.clientId", label="Client id", required=True),
                Input(path=f"{at}.secret", label="Client secret", widget=Widget.SECRET, required=True),
                Input(path=f"{at}.audience", label="Audience", required=True, hint="whom the token is for"),
            ),
        ),
    ):
        when = When(f"{at}.type", (kind.value,))
        yield Group(id=_id(f"{at}.{kind}"), title=title, parts=inputs, when=when, within=(at,))


def _storage(at: str) -> Iterator[Input]:
    message = f"{at}.{MESSAGES[ActionKind.STORAGE_QUEUE]}"
    yield Input(path=f"{message}.storageAccount", label="Storage account", required=True, hint="its name alone")
    yield Input(path=f"{message}.queueName", label="Queue", required=True)
    yield Input(path=f"{message}.sasToken", label="SAS token", widget=Widget.SECRET, required=True)
    yield Input(path=f"{message}.message", label="Message", widget=Widget.TEXT, blank=True)


def _bus(at: str, kind: ActionKind) -> Iterator[Input | Group]:
    message = f"{at}.{MESSAGES[kind]}"
    yield Input(path=f"{message}.namespace", label="Namespace", required=True, hint="its first name alone")
    if kind is ActionKind.SERVICE_BUS_QUEUE:
        yield Input(path=f"{message}.queueName", label="Queue", required=True)
    else:
        yield Input(path=f"{message}.topicPath", label="Topic", required=True)
    yield Input(path=f"{message}.authentication.sasKeyName", label="Name of the shared access key", required=True)
    yield Input(path=f"{message}.authentication.sasKey", label="Key", widget=Widget.SECRET, required=True)
    yield Input(path=f"{message}.message", label="Message", widget=Widget.TEXT, blank=True)
    yield Input(
        path=f"{message}.transportType",
        label="Transport",
        widget=Widget.CHOICE,
        options=(Option("", "HTTPS (NetMessaging)"), Option("netMessaging", "NetMessaging"), Option("amqp", "AMQP")),
    )
    yield Input(
        path=f"{message}.customMessageProperties",
        label="Properties",
        widget=Widget.PAIRS,
        hint="one a line: region=eu",
    )
    brokered = f"{message}.brokeredMessageProperties"
    texts = (Input(path=f"{brokered}.{name}", label=label) for name, label in _BROKERED)
    lives = Input(path=f"{brokered}.timeToLive", label="Time to live", widget=Widget.LENGTH, hint="such as 1h")
    yield Group(id=_id(brokered), title="What Service Bus itself understands", parts=(*texts, lives), folded=True)


def _mqtt(at: str) -> Iterator[Input | Group]:
    message = f"{at}.{MESSAGES[ActionKind.MQTT]}"
    yield Input(path=f"{message}.topic", label="Topic", required=True, hint=_HOST_HINT)
    yield Input(path=f"{message}.payload", label="Payload", widget=Widget.TEXT, blank=True)
    yield Input(
        path=f"{message}.qos",
        label="Quality of service",
        widget=Widget.NUMBER,
        default="1",
        hint="0: at most once, 1: at least once, 2: exactly once",
    )
    yield Input(path=f"{message}.retain", label="The broker keeps it (retain)", widget=Widget.SWITCH)
    more = (
        Input(path=f"{message}.contentType", label="Content type"),
        Input(path=f"{message}.responseTopic", label="Response topic"),
        Input(path=f"{message}.correlationData", label="Correlation data"),
        Input(path=f"{message}.messageExpiry", label="Expires after", widget=Widget.LENGTH, hint="such as 10m"),
        Input(path=f"{message}.userProperties", label="Properties", widget=Widget.PAIRS, hint="one a line: plant=1"),
    )
    yield Group(id=_id(f"{message}.more"), title="What MQTT 5 adds", parts=more, folded=True)


def _attempts(at: str) -> Iterator[Input | Group]:
    policy = f"{at}.retryPolicy"
    kind = f"{policy}.retryType"
    yield Input(
        path=kind,
        label="It is tried again",
        widget=Widget.CHOICE,
        options=(
            Option("", "4 times, 30 s apart (as usual)"),
            Option(RetryType.NONE, "never"),
            Option(RetryType.FIXED, "at a fixed distance"),
            Option(RetryType.EXPONENTIAL, "at a growing distance"),
        ),
    )
    times = (
        Input(path=f"{policy}.retryCount", label="How often", widget=Widget.NUMBER, hint="4 unless given, up to 20"),
        Input(path=f"{policy}.retryInterval", label="Distance", widget=Widget.LENGTH, hint="30s unless given"),
    )
    yield Group(
        id=_id(f"{policy}.times"),
        title="How often and how far apart",
        parts=times,
        when=When(kind, (RetryType.FIXED, RetryType.EXPONENTIAL)),
        within=tuple(one.path for one in times),
    )
    longest = Input(
        path=f"{policy}.maxInterval", label="Longest distance", widget=Widget.LENGTH, hint="1h unless given"
    )
    yield Group(
        id=_id(longest.path),
        title="How far apart at most",
        parts=(longest,),
        when=When(kind, (RetryType.EXPONENTIAL,)),
        within=(longest.path,),
    )


def _id(path: str) -> str:
    return f"g-{path.replace('.', '-')}"
