"""What a job does when it is due: one call, its retries, and another call when all of them failed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from services.scheduler.domain.choices import CaseInsensitive
from services.scheduler.domain.secrets import Secret


class ActionKind(CaseInsensitive):
    """Types of action, as documents spell them; for HTTP and HTTPS the URI decides what is spoken."""

    HTTP = "Http"
    HTTPS = "Https"
    STORAGE_QUEUE = "StorageQueue"
    SERVICE_BUS_QUEUE = "ServiceBusQueue"
    SERVICE_BUS_TOPIC = "ServiceBusTopic"
    MQTT = "Mqtt"


DEFAULT_MAX_INTERVAL = timedelta(hours=1)


class RetryKind(CaseInsensitive):
    """How a failed attempt is repeated."""

    NONE = "None"
    FIXED = "Fixed"
    EXPONENTIAL = "Exponential"


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Repeat a failed attempt up to `count` times, `interval` apart. Defaults: reference azure-scheduler §2.5.

    EXPONENTIAL doubles the interval each time, with jitter (`delays`), up to `max_interval`; None: not given.
    """

    kind: RetryKind = RetryKind.FIXED
    interval: timedelta = timedelta(seconds=30)
    count: int = 4
    max_interval: timedelta | None = None

    @property
    def retries(self) -> int:
        """How often a failed attempt may be repeated; 0 for NONE."""
        return 0 if self.kind is RetryKind.NONE else self.count

    @property
    def longest(self) -> timedelta:
        """How far apart EXPONENTIAL retries get: an hour, or the interval if that is longer, unless it was given."""
        return max(DEFAULT_MAX_INTERVAL, self.interval) if self.max_interval is None else self.max_interval


class BasicAuthentication(msgspec.Struct, frozen=True, kw_only=True, tag="basic"):
    """User name and password (RFC 7617)."""

    username: str
    password: Secret


class ClientCertificate(msgspec.Struct, frozen=True, kw_only=True, tag="certificate"):
    """A certificate shown in the TLS handshake: `pfx` is the base64 text of a PKCS #12 file.

    What replies tell of it is read when it is given; None for a file that is referred to.
    """

    pfx: Secret
    password: Secret | None = None
    thumbprint: str | None = None
    subject: str | None = None
    expires_at: datetime | None = None


class OAuthClient(msgspec.Struct, frozen=True, kw_only=True, tag="oauth"):
    """A bearer token got by client credentials from Azure AD (RFC 6749 §4.4)."""

    secret: Secret
    tenant: str
    audience: str
    client_id: str


Authentication = BasicAuthentication | ClientCertificate | OAuthClient


class HttpCall(msgspec.Struct, frozen=True, kw_only=True, tag="http"):
    """One HTTP request; `uri`, header values and `body` may contain `{host}` and `{hostname}`.

    `written` is the action's type as the caller spelled it: replies echo it (reference azure-scheduler §0.3).
    `kind` is stored as `scheme`, its name in earlier versions. `signing` holds Standard Webhooks secrets (`whsec_...`,
    several with blanks between) that sign each request.
    """

    kind: ActionKind = msgspec.field(default=ActionKind.HTTP, name="scheme")
    written: str = ""
    method: str
    uri: str
    headers: dict[str, str] = {}
    body: str | None = None
    authentication: Authentication | None = None
    signing: Secret | None = None


class StorageQueueCall(msgspec.Struct, frozen=True, kw_only=True, tag="storageQueue"):
    """One message into a queue of an Azure storage account, by its REST protocol with a SAS token."""

    kind: ActionKind = ActionKind.STORAGE_QUEUE
    written: str = ""
    account: str
    queue: str
    sas: Secret
    message: str


class BusTransport(CaseInsensitive):
    """How a namespace is spoken to; NetMessaging is its REST protocol over HTTPS."""

    NOT_SPECIFIED = "NotSpecified"
    NET_MESSAGING = "NetMessaging"
    AMQP = "AMQP"


class BrokeredProperties(msgspec.Struct, frozen=True, kw_only=True):
    """Properties that Service Bus itself understands (reference azure-scheduler §1.7)."""

    content_type: str | None = None
    correlation_id: str | None = None
    force_persistence: bool | None = None
    label: str | None = None
    message_id: str | None = None
    partition_key: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None
    scheduled_enqueue_at: datetime | None = None
    session_id: str | None = None
    time_to_live: timedelta | None = None
    to: str | None = None
    via_partition_key: str | None = None


class ServiceBusCall(msgspec.Struct, frozen=True, kw_only=True, tag="serviceBus"):
    """One message to a queue or a topic (`entity`) of a Service Bus namespace, with a shared access key."""

    kind: ActionKind
    written: str = ""
    namespace: str
    entity: str
    transport: BusTransport = BusTransport.NOT_SPECIFIED
    key_name: str
    key: Secret
    message: str
    custom: dict[str, str] = {}
    brokered: BrokeredProperties = BrokeredProperties()


class MqttCall(msgspec.Struct, frozen=True, kw_only=True, tag="mqtt"):
    """One MQTT 5 message; `topic` and `payload` may contain `{host}` and `{hostname}`."""

    kind: ActionKind = ActionKind.MQTT
    written: str = ""
    topic: str
    payload: str
    qos: int = 1
    retain: bool = False
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: str | None = None
    expiry: timedelta | None = None
    user_properties: dict[str, str] = {}


Call = HttpCall | StorageQueueCall | ServiceBusCall | MqttCall


class ErrorAction(msgspec.Struct, frozen=True, kw_only=True):
    """What runs when the main action and its retries failed; it has retries of its own."""

    call: Call
    retry_policy: RetryPolicy = RetryPolicy()


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A job's main action. `retry_policy_given` keeps whether the caller wrote one, for faithful replies.

    `cancel` is what the target is sent when an execution is broken off (documents have it as `maintenance.cancel`).
    """

    call: Call
    retry_policy: RetryPolicy = RetryPolicy()
    retry_policy_given: bool = False
    error_action: ErrorAction | None = None
    cancel: Call | None = None

    def calls(self) -> Iterator[Call]:
        """Yield everything that may be called."""
        yield self.call
        if self.error_action is not None:
            yield self.error_action.call
        if self.cancel is not None:
            yield self.cancel

    def call_of(self, name: "ActionName") -> Call:
        """Return what is called by that name; a job that has lost its error action or cancel request calls as ever."""
        if name is ActionName.ERROR and self.error_action is not None:
            return self.error_action.call
        return self.cancel if name is ActionName.CANCEL and self.cancel is not None else self.call


class ActionName(StrEnum):
    """Which of a job's actions an attempt belongs to, as history shows it.

    CANCEL: the request that a broken-off attempt of the main action ends with; it is no attempt, and history has no row
    of it.
    """

    MAIN = "MainAction"
    ERROR = "ErrorAction"
    CANCEL = "CancelAction"
