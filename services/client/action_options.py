"""From flags to what is sent: a request and how it authenticates, or a message and where it goes."""

from pathlib import Path
from typing import Any

import click

from services.client.action_flags import ActionFlags
from services.client.flags import one_of
from services.client.options import pairs
from services.client.rhythm import iso_length
from services.client.secret_sources import read_certificate, read_secret


def action_document(flags: ActionFlags) -> dict[str, Any]:
    """Return the part of an action's document that the flags speak of; raises BadParameter, UsageError."""
    parts = given(request=_request(flags), **_message(flags), retryPolicy=_retry_policy(flags))
    if len(parts.keys() - {"type", "retryPolicy"}) > 1:
        raise click.UsageError(
            f"one thing is sent: a request ({flags.option('uri')}), or one message ({flags.option('message')})"
        )
    return parts


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, {})}


def _retry_policy(flags: ActionFlags) -> dict[str, Any]:
    policy = given(
        retryType=flags.retry_type,
        retryCount=flags.retry_count,
        retryInterval=iso_length(flags.retry_interval),
        maxInterval=iso_length(flags.max_interval),
    )
    if not flags.no_retry:
        return policy
    if policy:
        raise click.UsageError(f"{flags.option('no-retry')} does not go with other options for retries")
    return {"retryType": "None"}


def _request(flags: ActionFlags) -> dict[str, Any]:
    method = flags.method.upper() if flags.method else None
    if method is None and flags.body is not None and flags.uri is not None:
        method = "POST"
    return given(
        uri=flags.uri,
        method=method,
        headers=pairs(flags.headers, ":", flags.option("header")),
        body=_text(flags.body, flags.option("body")),
        authentication=_authentication(flags),
        webhookSecret=read_secret(flags.webhook_secret_file, flags.option("webhook-secret-file")),
    )


def _authentication(flags: ActionFlags) -> dict[str, Any]:
    basic = given(username=flags.username, password=read_secret(flags.password_file, flags.option("password-file")))
    certificate = given(
        pfx=read_certificate(flags.pfx_file, flags.option("pfx-file")),
        password=read_secret(flags.pfx_password_file, flags.option("pfx-password-file")),
    )
    oauth = given(
        tenant=flags.tenant,
        clientId=flags.client_id,
        secret=read_secret(flags.client_secret_file, flags.option("client-secret-file")),
        audience=flags.audience,
    )
    found = given(Basic=basic, ClientCertificate=certificate, ActiveDirectoryOAuth=oauth)
    if len(found) > 1:
        raise click.UsageError("a request authenticates in one way: a user name, a certificate, or a client")
    return next(({"type": kind, **fields} for kind, fields in found.items()), {})


def _message(flags: ActionFlags) -> dict[str, Any]:
    """Return the message with the action's type: which one it is follows from where it goes."""
    if flags.storage_account is not None or flags.sas_file is not None:
        return {"type": "StorageQueue", "queueMessage": _storage(flags)}
    if flags.namespace is not None:
        return _bus(flags)
    if flags.topic is not None:
        return {"type": "Mqtt", "mqttMessage": _mqtt(flags)}
    bus = (flags.key_name, flags.key_file, flags.transport, flags.brokered)
    if any((flags.message, flags.queue, flags.properties, *bus)):
        places = ", ".join(map(flags.option, ("storage-account", "namespace", "topic")))
        raise click.UsageError(f"where does the message go? Give one of {places}")
    if any(_mqtt(flags).values()) or flags.qos is not None:
        raise click.UsageError(
            f"{flags.option('qos')} and the like go with the {flags.option('topic')} of an MQTT message"
        )
    return {}


def _storage(flags: ActionFlags) -> dict[str, Any]:
    return given(
        storageAccount=flags.storage_account,
        queueName=flags.queue,
        sasToken=read_secret(flags.sas_file, flags.option("sas-file")),
        message=_text(flags.message, flags.option("message")),
    )


def _bus(flags: ActionFlags) -> dict[str, Any]:
    if (flags.queue is None) is (flags.topic is None):
        raise click.UsageError(
            f"{flags.option('namespace')} goes with one of {flags.option('queue')}, {flags.option('topic')}"
        )
    message = given(
        namespace=flags.namespace,
        queueName=flags.queue,
        topicPath=flags.topic,
        transportType=flags.transport,
        authentication=given(sasKeyName=flags.key_name, sasKey=read_secret(flags.key_file, flags.option("key-file"))),
        message=_text(flags.message, flags.option("message")),
        customMessageProperties=pairs(flags.properties, "=", flags.option("property")),
        brokeredMessageProperties=_brokered(flags),
    )
    if flags.queue is not None:
        return {"type": "ServiceBusQueue", "serviceBusQueueMessage": message}
    return {"type": "ServiceBusTopic", "serviceBusTopicMessage": message}


def _brokered(flags: ActionFlags) -> dict[str, Any]:
    found: dict[str, Any] = dict(pairs(flags.brokered, "=", flags.option("brokered")))
    if (forced := found.get("forcePersistence")) is not None:
        found["forcePersistence"] = one_of(forced, ("true", "false"), flags.option("brokered")) == "true"
    return found


def _mqtt(flags: ActionFlags) -> dict[str, Any]:
    return given(
        topic=flags.topic,
        payload=_text(flags.message, flags.option("message")),
        qos=flags.qos,
        retain=flags.retain or None,
        contentType=flags.content_type,
        responseTopic=flags.response_topic,
        correlationData=flags.correlation_data,
        messageExpiry=iso_length(flags.message_expiry),
        userProperties=pairs(flags.properties, "=", flags.option("property")),
    )


def _text(text: str | None, option: str) -> str | None:
    if text is None or not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise click.BadParameter(f"{text[1:]} cannot be read: {fault}", param_hint=option) from fault
