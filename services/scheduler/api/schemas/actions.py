"""Documents of what a job does: requests, messages, authentication, retries. Azure's names (reference §1.7)."""

from typing import Annotated

import msgspec

from services.scheduler.api.schemas.values import (
    READ_ONLY,
    ActionType,
    Document,
    Duration,
    Lifetime,
    SecretText,
    Time,
)
from services.scheduler.domain.choices import CaseInsensitive


class RetryType(CaseInsensitive):
    """How a failed attempt is repeated; lower case in replies, as recorded (reference §0.3)."""

    NONE = "none"
    FIXED = "fixed"
    EXPONENTIAL = "exponential"


class AuthenticationType(CaseInsensitive):
    """How a request authenticates; clients tell the types apart by exactly this spelling (reference §0.3)."""

    NOT_SPECIFIED = "NotSpecified"
    BASIC = "Basic"
    CLIENT_CERTIFICATE = "ClientCertificate"
    OAUTH = "ActiveDirectoryOAuth"


class BusAuthenticationType(CaseInsensitive):
    """How Service Bus is authenticated to: always by a shared access key."""

    NOT_SPECIFIED = "notSpecified"
    SHARED_ACCESS_KEY = "sharedAccessKey"


class TransportType(CaseInsensitive):
    """How Service Bus is spoken to: by its REST protocol (NetMessaging) or AMQP; in camel case in replies."""

    NOT_SPECIFIED = "notSpecified"
    NET_MESSAGING = "netMessaging"
    AMQP = "amqp"


class AuthenticationDocument(Document, frozen=True, kw_only=True):
    """`request.authentication`: Basic has username and password, ClientCertificate a pfx (base64) and its password,
    ActiveDirectoryOAuth secret, tenant, audience and clientId. Secrets are never in replies.
    """

    type: AuthenticationType | None = None
    username: str | None = None
    password: SecretText | None = None
    pfx: SecretText | None = None
    secret: SecretText | None = None
    tenant: str | None = None
    audience: str | None = None
    client_id: str | None = None
    certificate_thumbprint: Annotated[str | None, READ_ONLY] = None
    certificate_subject_name: Annotated[str | None, READ_ONLY] = None
    certificate_expiration_date: Annotated[Time | None, READ_ONLY] = None
    certificate_expiration: Annotated[Time | None, READ_ONLY] = None


class RequestDocument(Document, frozen=True, kw_only=True):
    """`action.request`: one HTTP call; uri, header values and body may contain `{host}` and `{hostname}`.

    `webhookSecret` signs each request as Standard Webhooks says: `whsec_…`, or several with blanks between; replies
    tell by `webhookSigned` that there is one.
    """

    uri: str
    method: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: str | None = None
    authentication: AuthenticationDocument | None = None
    webhook_secret: SecretText | None = None
    webhook_signed: Annotated[bool | None, READ_ONLY] = None


class QueueMessageDocument(Document, frozen=True, kw_only=True):
    """`action.queueMessage`: one message into a queue of a storage account, by a SAS token."""

    storage_account: str
    queue_name: str
    sas_token: SecretText | None = None
    message: str


class BusAuthenticationDocument(Document, frozen=True, kw_only=True):
    """`authentication` of a message to Service Bus: a shared access key and its name."""

    type: BusAuthenticationType | None = None
    sas_key_name: str | None = None
    sas_key: SecretText | None = None


class BrokeredPropertiesDocument(Document, frozen=True, kw_only=True):
    """`brokeredMessageProperties`: what Service Bus itself understands of a message."""

    content_type: str | None = None
    correlation_id: str | None = None
    force_persistence: bool | None = None
    label: str | None = None
    message_id: str | None = None
    partition_key: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None
    scheduled_enqueue_time_utc: Time | None = None
    session_id: str | None = None
    time_to_live: Lifetime | None = None
    to: str | None = None
    via_partition_key: str | None = None


class BusMessageDocument(Document, frozen=True, kw_only=True):
    """What messages to queues and topics of Service Bus have in common; `namespace` is its first name alone."""

    authentication: BusAuthenticationDocument | None = None
    namespace: str
    transport_type: TransportType | None = None
    message: str
    custom_message_properties: dict[str, str] = msgspec.field(default_factory=dict)
    brokered_message_properties: BrokeredPropertiesDocument | None = None


class BusQueueMessageDocument(BusMessageDocument, frozen=True, kw_only=True):
    """`action.serviceBusQueueMessage`: one message into a queue."""

    queue_name: str


class BusTopicMessageDocument(BusMessageDocument, frozen=True, kw_only=True):
    """`action.serviceBusTopicMessage`: one message to a topic."""

    topic_path: str


class MqttMessageDocument(Document, frozen=True, kw_only=True):
    """`action.mqttMessage`: one MQTT 5 message; topic and payload may contain `{host}` and `{hostname}`.

    `qos` is 1 unless given, `messageExpiry` counts whole seconds.
    """

    topic: str
    payload: str
    qos: int | None = None
    retain: bool | None = None
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: str | None = None
    message_expiry: Duration | None = None
    user_properties: dict[str, str] = msgspec.field(default_factory=dict)


class RetryPolicyDocument(Document, frozen=True, kw_only=True):
    """`retryPolicy`: default 30 s x 4, at least 15 s apart (1 s under Unlimited), at most 20 times.

    Exponential doubles `retryInterval` each time, with jitter, up to `maxInterval` (PT1H).
    """

    retry_type: RetryType | None = None
    retry_interval: Duration | None = None
    retry_count: int | None = None
    max_interval: Duration | None = None


class CallDocument(Document, frozen=True, kw_only=True):
    """What is sent: exactly one request or message, the one of its type; without a type, that one says which it is."""

    type: ActionType | None = None
    request: RequestDocument | None = None
    queue_message: QueueMessageDocument | None = None
    service_bus_queue_message: BusQueueMessageDocument | None = None
    service_bus_topic_message: BusTopicMessageDocument | None = None
    mqtt_message: MqttMessageDocument | None = None


class CancelDocument(CallDocument, frozen=True, kw_only=True):
    """`maintenance.cancel`: what the target is sent when an execution is broken off; it is not repeated."""


class ErrorActionDocument(CallDocument, frozen=True, kw_only=True):
    """`action.errorAction`: what runs when the main action and its retries failed.

    Exactly one request or message, the one of its type; without a type, that one says which it is.
    """

    retry_policy: RetryPolicyDocument | None = None


class ActionDocument(ErrorActionDocument, frozen=True, kw_only=True):
    """`action`: what a job does when it is due."""

    error_action: ErrorActionDocument | None = None
