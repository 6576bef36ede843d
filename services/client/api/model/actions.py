"""What a job does: a request or a message, how it is repeated, what follows its failure. Secrets never come back."""

from datetime import datetime, timedelta

import msgspec

from services.client.api.model.base import UNKNOWN, Reply, Word


class ProofType(Word):
    """How a request authenticates."""

    NONE = "NotSpecified"
    BASIC = "Basic"
    CERTIFICATE = "ClientCertificate"
    OAUTH = "ActiveDirectoryOAuth"
    UNKNOWN = UNKNOWN


class Transport(Word):
    """How a message goes to Service Bus; `NetMessaging` is HTTPS."""

    NONE = "notSpecified"
    NET_MESSAGING = "netMessaging"
    AMQP = "amqp"
    UNKNOWN = UNKNOWN


class BusProofType(Word):
    """How a message's sender authenticates."""

    NONE = "notSpecified"
    SHARED_ACCESS_KEY = "sharedAccessKey"
    UNKNOWN = UNKNOWN


class RetryType(Word):
    """How repeats of a failed attempt follow each other."""

    NONE = "none"
    FIXED = "fixed"
    EXPONENTIAL = "exponential"
    UNKNOWN = UNKNOWN


class Authentication(Reply, frozen=True, kw_only=True):
    """How a request authenticates; `password`, `pfx` and `secret` are for writing only."""

    type: ProofType | None = None
    username: str | None = None
    password: str | None = None
    pfx: str | None = None
    secret: str | None = None
    tenant: str | None = None
    audience: str | None = None
    client_id: str | None = None
    certificate_thumbprint: str | None = None
    certificate_subject_name: str | None = None
    certificate_expiration_date: datetime | None = None
    certificate_expiration: datetime | None = None

    def __repr__(self) -> str:
        """Return the form for debuggers, without secrets."""
        return f"Authentication(type={self.type})"


class Request(Reply, frozen=True, kw_only=True):
    """An HTTP request; `webhook_secret` is for writing only."""

    uri: str
    method: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: str | None = None
    authentication: Authentication | None = None
    webhook_secret: str | None = None
    webhook_signed: bool | None = None

    def __repr__(self) -> str:
        """Return the form for debuggers, without secrets."""
        return f"Request(method={self.method!r}, uri={self.uri!r})"


class QueueMessage(Reply, frozen=True, kw_only=True):
    """A message for a queue of Azure Storage; `sas_token` is for writing only."""

    storage_account: str
    queue_name: str
    sas_token: str | None = None
    message: str

    def __repr__(self) -> str:
        """Return the form for debuggers, without secrets."""
        return f"QueueMessage(storage_account={self.storage_account!r}, queue_name={self.queue_name!r})"


class BusAuthentication(Reply, frozen=True, kw_only=True):
    """By which key a message is sent; `sas_key` is for writing only."""

    type: BusProofType | None = None
    sas_key_name: str | None = None
    sas_key: str | None = None

    def __repr__(self) -> str:
        """Return the form for debuggers, without secrets."""
        return f"BusAuthentication(sas_key_name={self.sas_key_name!r})"


class BrokeredProperties(Reply, frozen=True, kw_only=True):
    """Service Bus's own properties of a message; `time_to_live` is a duration or the date it ends at."""

    content_type: str | None = None
    correlation_id: str | None = None
    force_persistence: bool | None = None
    label: str | None = None
    message_id: str | None = None
    partition_key: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None
    scheduled_enqueue_time_utc: datetime | None = None
    session_id: str | None = None
    time_to_live: str | None = None
    to: str | None = None
    via_partition_key: str | None = None


class BusMessage(Reply, frozen=True, kw_only=True):
    """A message for Service Bus."""

    authentication: BusAuthentication | None = None
    namespace: str
    transport_type: Transport | None = None
    message: str
    custom_message_properties: dict[str, str] = msgspec.field(default_factory=dict)
    brokered_message_properties: BrokeredProperties | None = None


class BusQueueMessage(BusMessage, frozen=True, kw_only=True):
    """One for a queue."""

    queue_name: str


class BusTopicMessage(BusMessage, frozen=True, kw_only=True):
    """One for a topic."""

    topic_path: str


class MqttMessage(Reply, frozen=True, kw_only=True):
    """A message for the MQTT broker."""

    topic: str
    payload: str
    qos: int | None = None
    retain: bool | None = None
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: str | None = None
    message_expiry: timedelta | None = None
    user_properties: dict[str, str] = msgspec.field(default_factory=dict)


class Call(Reply, frozen=True, kw_only=True):
    """One request, or one message; `type` is as it was spelled."""

    type: str | None = None
    request: Request | None = None
    queue_message: QueueMessage | None = None
    service_bus_queue_message: BusQueueMessage | None = None
    service_bus_topic_message: BusTopicMessage | None = None
    mqtt_message: MqttMessage | None = None


class Cancel(Call, frozen=True, kw_only=True):
    """What a target is sent when an execution is broken off."""


class RetryPolicy(Reply, frozen=True, kw_only=True):
    """How a failed attempt is repeated."""

    retry_type: RetryType | None = None
    retry_interval: timedelta | None = None
    retry_count: int | None = None
    max_interval: timedelta | None = None


class ErrorAction(Call, frozen=True, kw_only=True):
    """What follows when the main action has failed for good."""

    retry_policy: RetryPolicy | None = None


class Action(ErrorAction, frozen=True, kw_only=True):
    """What a job does."""

    error_action: ErrorAction | None = None
