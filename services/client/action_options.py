"""The flags that say what a job does: a request and how it authenticates, or a message and where it goes."""

from pathlib import Path
from typing import Any

import click
import msgspec

from services.client.options import pairs
from services.client.secret_sources import read_certificate, read_secret

_SOURCE = "FILE"
_REQUEST = (
    click.option("--uri", help="What to call; {host} stands for the address of the host it runs on."),
    click.option("--method", help="GET, POST, PUT, DELETE, … [default: GET, POST with a body]."),
    click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="A header; may be repeated."),
    click.option("--body", help="Text to send; @FILE reads it from a file."),
)
_PROOF = (
    click.option("--username", help="Basic authentication: who."),
    click.option("--password-file", metavar=_SOURCE, help="Its password: a file, - for standard input, env:NAME."),
    click.option("--pfx-file", metavar=_SOURCE, help="A client certificate with its key (.pfx)."),
    click.option("--pfx-password-file", metavar=_SOURCE, help="The password of that file, if it has one."),
    click.option("--tenant", help="OAuth with Azure AD: the tenant."),
    click.option("--client-id", help="… the client."),
    click.option("--client-secret-file", metavar=_SOURCE, help="… its secret."),
    click.option("--audience", help="… whom the token is for."),
    click.option("--webhook-secret-file", metavar=_SOURCE, help="Sign each request: whsec_…, as Standard Webhooks."),
)
_MESSAGE = (
    click.option("--message", help="Text of a message; @FILE reads it from a file."),
    click.option("--storage-account", metavar="NAME", help="Put it into a queue of this storage account."),
    click.option("--sas-file", metavar=_SOURCE, help="… by this SAS token."),
    click.option("--namespace", metavar="NAME", help="Send it to a queue or topic of this Service Bus namespace."),
    click.option("--key-name", metavar="NAME", help="… by the shared access key of this name."),
    click.option("--key-file", metavar=_SOURCE, help="… which is this."),
    click.option("--transport", metavar="TYPE", help="… over NetMessaging (HTTPS, by default) or AMQP."),
    click.option("--property", "properties", multiple=True, metavar="NAME=VALUE", help="A property; may be repeated."),
    click.option("--queue", metavar="NAME", help="The queue."),
    click.option("--topic", metavar="PATH", help="The topic; without --namespace one of MQTT."),
    click.option("--qos", type=int, help="MQTT's quality of service: 0, 1 (by default) or 2."),
    click.option("--retain", is_flag=True, help="Have the MQTT broker keep it."),
)
ACTION_OPTIONS = (*_REQUEST, *_PROOF, *_MESSAGE)


class ActionFlags(msgspec.Struct, frozen=True, kw_only=True):
    """What was given of an action; fields that end in `_file` say where a secret is read from."""

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
    properties: tuple[str, ...] = ()
    queue: str | None = None
    topic: str | None = None
    qos: int | None = None
    retain: bool = False


def action_document(flags: ActionFlags) -> dict[str, Any]:
    """Return the part of an action's document that the flags speak of; raises BadParameter, UsageError."""
    parts = given(request=_request(flags), **_message(flags))
    if len(parts) > 1 + ("type" in parts):
        raise click.UsageError("a job does one thing: give a request, or one message")
    return parts


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, {})}


def _request(flags: ActionFlags) -> dict[str, Any]:
    method = flags.method.upper() if flags.method else None
    if method is None and flags.body is not None and flags.uri is not None:
        method = "POST"
    return given(
        uri=flags.uri,
        method=method,
        headers=pairs(flags.headers, ":", "--header"),
        body=_text(flags.body, "--body"),
        authentication=_authentication(flags),
        webhookSecret=read_secret(flags.webhook_secret_file, "--webhook-secret-file"),
    )


def _authentication(flags: ActionFlags) -> dict[str, Any]:
    basic = given(username=flags.username, password=read_secret(flags.password_file, "--password-file"))
    certificate = given(
        pfx=read_certificate(flags.pfx_file, "--pfx-file"),
        password=read_secret(flags.pfx_password_file, "--pfx-password-file"),
    )
    oauth = given(
        tenant=flags.tenant,
        clientId=flags.client_id,
        secret=read_secret(flags.client_secret_file, "--client-secret-file"),
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
    if any((flags.message, flags.queue, flags.key_name, flags.key_file, flags.transport, flags.properties)):
        raise click.UsageError("where does the message go? Give --storage-account, --namespace, or --topic")
    if flags.qos is not None or flags.retain:
        raise click.UsageError("--qos and --retain go with the --topic of an MQTT message")
    return {}


def _storage(flags: ActionFlags) -> dict[str, Any]:
    return given(
        storageAccount=flags.storage_account,
        queueName=flags.queue,
        sasToken=read_secret(flags.sas_file, "--sas-file"),
        message=_text(flags.message, "--message"),
    )


def _bus(flags: ActionFlags) -> dict[str, Any]:
    if (flags.queue is None) is (flags.topic is None):
        raise click.UsageError("--namespace goes with --queue or with --topic")
    message = given(
        namespace=flags.namespace,
        queueName=flags.queue,
        topicPath=flags.topic,
        transportType=flags.transport,
        authentication=given(sasKeyName=flags.key_name, sasKey=read_secret(flags.key_file, "--key-file")),
        message=_text(flags.message, "--message"),
        customMessageProperties=pairs(flags.properties, "=", "--property"),
    )
    if flags.queue is not None:
        return {"type": "ServiceBusQueue", "serviceBusQueueMessage": message}
    return {"type": "ServiceBusTopic", "serviceBusTopicMessage": message}


def _mqtt(flags: ActionFlags) -> dict[str, Any]:
    return given(
        topic=flags.topic,
        payload=_text(flags.message, "--message"),
        qos=flags.qos,
        retain=flags.retain or None,
        userProperties=pairs(flags.properties, "=", "--property"),
    )


def _text(text: str | None, option: str) -> str | None:
    if text is None or not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise click.BadParameter(f"{text[1:]} cannot be read: {fault}", param_hint=option) from fault
