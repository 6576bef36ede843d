"""From a stored action to its document: everything but its secrets, in the casing of the recorded replies (§0.3)."""

from typing import TypeVar

from msgspec.structs import replace

from services.scheduler.api.schemas.actions import (
    ActionDocument,
    AuthenticationDocument,
    AuthenticationType,
    BrokeredPropertiesDocument,
    BusAuthenticationDocument,
    BusAuthenticationType,
    BusQueueMessageDocument,
    BusTopicMessageDocument,
    CallDocument,
    CancelDocument,
    ErrorActionDocument,
    MqttMessageDocument,
    QueueMessageDocument,
    RequestDocument,
    RetryPolicyDocument,
    RetryType,
    TransportType,
)
from services.scheduler.api.schemas.values import ActionType, Duration, Lifetime, time_or_none
from services.scheduler.domain.actions import (
    Action,
    ActionKind,
    Authentication,
    BasicAuthentication,
    BrokeredProperties,
    BusTransport,
    Call,
    ClientCertificate,
    HttpCall,
    MqttCall,
    OAuthClient,
    RetryKind,
    RetryPolicy,
    ServiceBusCall,
    StorageQueueCall,
)

D = TypeVar("D", bound=CallDocument)


def action_document(action: Action) -> ActionDocument:
    """Return the document of an action, its error action within."""
    retry_policy = _retry_policy(action.retry_policy) if action.retry_policy_given else None
    error, after = action.error_action, None
    if error is not None:
        given = error.retry_policy != RetryPolicy()
        after = _with_call(
            ErrorActionDocument(retry_policy=_retry_policy(error.retry_policy) if given else None), error.call
        )
    return _with_call(ActionDocument(retry_policy=retry_policy, error_action=after), action.call)


def cancel_document(action: Action) -> CancelDocument | None:
    """Return the document of an action's cancel request; None when it has none."""
    return None if action.cancel is None else _with_call(CancelDocument(), action.cancel)


def _with_call(document: D, call: Call) -> D:
    document = replace(document, type=ActionType(call.kind, call.written))
    match call:
        case HttpCall():
            return replace(document, request=_request(call))
        case StorageQueueCall():
            return replace(document, queue_message=_queue_message(call))
        case ServiceBusCall(kind=ActionKind.SERVICE_BUS_QUEUE):
            return replace(document, service_bus_queue_message=_bus_queue_message(call))
        case ServiceBusCall():
            return replace(document, service_bus_topic_message=_bus_topic_message(call))
        case MqttCall():
            return replace(document, mqtt_message=_mqtt_message(call))


def _request(call: HttpCall) -> RequestDocument:
    return RequestDocument(
        uri=call.uri,
        method=call.method,
        headers=call.headers,
        body=call.body,
        authentication=None if call.authentication is None else _authentication(call.authentication),
        webhook_signed=None if call.signing is None else True,
    )


def _authentication(one: Authentication) -> AuthenticationDocument:
    match one:
        case BasicAuthentication():
            return AuthenticationDocument(type=AuthenticationType.BASIC, username=one.username)
        case OAuthClient():
            return AuthenticationDocument(
                type=AuthenticationType.OAUTH, tenant=one.tenant, audience=one.audience, client_id=one.client_id
            )
        case ClientCertificate():
            return AuthenticationDocument(
                type=AuthenticationType.CLIENT_CERTIFICATE,
                certificate_thumbprint=one.thumbprint,
                certificate_subject_name=one.subject,
                # The client's model has the one name, documents and recorded replies the other (reference §1.7).
                certificate_expiration_date=time_or_none(one.expires_at),
                certificate_expiration=time_or_none(one.expires_at),
            )


def _queue_message(call: StorageQueueCall) -> QueueMessageDocument:
    return QueueMessageDocument(storage_account=call.account, queue_name=call.queue, message=call.message)


def _bus_queue_message(call: ServiceBusCall) -> BusQueueMessageDocument:
    return BusQueueMessageDocument(
        queue_name=call.entity,
        authentication=_bus_authentication(call),
        namespace=call.namespace,
        transport_type=_transport(call),
        message=call.message,
        custom_message_properties=call.custom,
        brokered_message_properties=_brokered(call.brokered),
    )


def _bus_topic_message(call: ServiceBusCall) -> BusTopicMessageDocument:
    return BusTopicMessageDocument(
        topic_path=call.entity,
        authentication=_bus_authentication(call),
        namespace=call.namespace,
        transport_type=_transport(call),
        message=call.message,
        custom_message_properties=call.custom,
        brokered_message_properties=_brokered(call.brokered),
    )


def _bus_authentication(call: ServiceBusCall) -> BusAuthenticationDocument:
    return BusAuthenticationDocument(type=BusAuthenticationType.SHARED_ACCESS_KEY, sas_key_name=call.key_name)


def _transport(call: ServiceBusCall) -> TransportType | None:
    return None if call.transport is BusTransport.NOT_SPECIFIED else TransportType(call.transport.value)


def _brokered(properties: BrokeredProperties) -> BrokeredPropertiesDocument | None:
    if properties == BrokeredProperties():
        return None
    return BrokeredPropertiesDocument(
        content_type=properties.content_type,
        correlation_id=properties.correlation_id,
        force_persistence=properties.force_persistence,
        label=properties.label,
        message_id=properties.message_id,
        partition_key=properties.partition_key,
        reply_to=properties.reply_to,
        reply_to_session_id=properties.reply_to_session_id,
        scheduled_enqueue_time_utc=time_or_none(properties.scheduled_enqueue_at),
        session_id=properties.session_id,
        time_to_live=None if properties.time_to_live is None else Lifetime(properties.time_to_live),
        to=properties.to,
        via_partition_key=properties.via_partition_key,
    )


def _mqtt_message(call: MqttCall) -> MqttMessageDocument:
    return MqttMessageDocument(
        topic=call.topic,
        payload=call.payload,
        qos=call.qos,
        retain=call.retain,
        content_type=call.content_type,
        response_topic=call.response_topic,
        correlation_data=call.correlation_data,
        message_expiry=None if call.expiry is None else Duration(call.expiry),
        user_properties=call.user_properties,
    )


def _retry_policy(policy: RetryPolicy) -> RetryPolicyDocument:
    if policy.kind is RetryKind.NONE:
        return RetryPolicyDocument(retry_type=RetryType.NONE)
    return RetryPolicyDocument(
        retry_type=RetryType(policy.kind.value),
        retry_interval=Duration(policy.interval),
        retry_count=policy.count,
        max_interval=None if policy.max_interval is None else Duration(policy.max_interval),
    )
