"""docs/asyncapi.yaml, made from the structs and topics of the bus, its frame, and recorded messages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from services.vmwatch.notices import KEPT_FOR
from shared.about import product_version
from shared.bus.connection import KEEPALIVE_SECONDS, PACKET_LIMIT, SESSION_EXPIRY_SECONDS, WILL_DELAY_SECONDS
from shared.messages import JSON_CONTENT_TYPE, NoticeKind, Presence
from tests.parts.asyncapi_frame import CHANNELS, INFO, PARAMETERS, ROLES, Channel, Operation, Reply
from tests.parts.asyncapi_schemas import messages, schemas
from tests.parts.asyncapi_topics import address

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "asyncapi.yaml"
EXAMPLES = ROOT / "tests" / "data" / "bus_examples.json"
_HEADING = (
    "# Made by `make docs` from shared/messages.py, shared/topics.py and tests/parts/asyncapi_*.py: edit those.\n"
)
_BINDING = "0.2.0"
_WIDTH = 120


def document() -> Json:
    """Return the whole description of the bus (AsyncAPI 3.0)."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Leeward's bus",
            "version": product_version(),
            "description": INFO,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": role.value, "description": words} for role, words in ROLES.items()],
        },
        "defaultContentType": JSON_CONTENT_TYPE,
        "servers": _servers(),
        "channels": {_key(name): _channel(channel) for name, channel in CHANNELS.items()},
        "operations": dict(_operations()),
        "components": {
            "messages": messages(recorded()),
            "schemas": schemas(),
            "parameters": {name: _parameter(name) for name in PARAMETERS},
            "operationBindings": _operation_bindings(),
            "serverBindings": {"connection": {"mqtt": _connection()}},
            "securitySchemes": _security_schemes(),
        },
    }


def rendered() -> str:
    """Return the document as the file should have it."""
    return _HEADING + yaml.dump(document(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=_WIDTH)


def recorded() -> dict[str, list[Json]]:
    """Return the examples that were taken from a real run, by message."""
    found: dict[str, list[Json]] = msgspec.json.decode(EXAMPLES.read_bytes())
    return found


class _Plain(yaml.SafeDumper):
    """YAML without anchors, texts of several lines as blocks."""

    def ignore_aliases(self, data: object) -> bool:
        """Write what comes twice twice."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Plain.add_representer(str, _text)


def _key(name: str) -> str:
    return name[0].lower() + name[1:]


def _ref(*path: str) -> Json:
    return {"$ref": "/".join(("#", *path))}


def _servers() -> Json:
    shared = {"protocolVersion": "5.0", "bindings": _ref("components", "serverBindings", "connection")}
    return {
        "local": {
            "host": "127.0.0.1:1883",
            "protocol": "mqtt",
            "description": "What `leeward up` starts: on this machine only, it asks nobody who he is.",
            **shared,
        },
        "fleet": {
            "host": "{broker}:8883",
            "protocol": "mqtts",
            "description": "A broker of your own by TLS; k8s/base/broker has what sets Mosquitto up.",
            "variables": {"broker": {"description": "The broker's name.", "default": "broker"}},
            "security": [_ref("components", "securitySchemes", name) for name in _security_schemes()],
            **shared,
        },
    }


def _security_schemes() -> Json:
    return {
        "certificate": {
            "type": "X509",
            "description": "A client certificate. Its common name is who you are to the access list: the host's key, "
            "`leeward-scheduler`, `leeward-operator` or `leeward-reader`.",
        },
        "password": {"type": "userPassword", "description": "Where the broker tells identities apart by password."},
    }


def _connection() -> Json:
    return {
        "cleanSession": True,
        "keepAlive": KEEPALIVE_SECONDS,
        "sessionExpiryInterval": SESSION_EXPIRY_SECONDS,
        "maximumPacketSize": PACKET_LIMIT,
        "bindingVersion": _BINDING,
    }


def _operation_bindings() -> Json:
    will = {"retain": True, "qos": 1, "delaySeconds": WILL_DELAY_SECONDS, "state": Presence.OFFLINE.value}
    expiry = {
        "type": "integer",
        "minimum": int(KEPT_FOR.total_seconds()),
        "description": "Until an hour after NotBefore; an hour when that is unknown or past.",
    }
    news = {"qos": 1, "retain": False}
    kinds: dict[str, Json] = {
        "state": {"qos": 1, "retain": True},
        "presence": {"qos": 1, "retain": True, "x-last-will": will},
        "news": news,
        "notices": {**news, "messageExpiryInterval": expiry},
        "subscription": {"qos": 1},
    }
    return {name: {"mqtt": {**bound, "bindingVersion": _BINDING}} for name, bound in kinds.items()}


def _parameter(name: str) -> Json:
    choices = {"enum": [kind.value for kind in NoticeKind]} if name == "transition" else {}
    return {"description": PARAMETERS[name], **choices}


def _channel(channel: Channel) -> Json:
    built = None if channel.topic is None else address(channel.topic)
    names = re.findall(r"{(\w+)}", built or "")
    parameters = {name: _ref("components", "parameters", name) for name in names}
    return {
        "address": built,
        "title": channel.title,
        "description": channel.description,
        "messages": {name: _ref("components", "messages", name) for name in channel.messages},
        **({"parameters": parameters} if parameters else {}),
    }


def _operations() -> Iterator[tuple[str, Json]]:
    for name, channel in CHANNELS.items():
        for operation in channel.operations:
            verb = "Sends" if operation.sends else "Receives"
            yield f"{operation.role}{verb}{name}", _operation(name, channel, operation)


def _operation(name: str, channel: Channel, operation: Operation) -> Json:
    said = operation.messages or channel.messages
    return {
        "action": "send" if operation.sends else "receive",
        "channel": _ref("channels", _key(name)),
        "summary": operation.summary,
        "tags": [{"name": operation.role.value}],
        "messages": [_ref("channels", _key(name), "messages", each) for each in said],
        "bindings": _ref("components", "operationBindings", _binding(name, channel, operation)),
        **({} if operation.reply is None else {"reply": _reply(operation.reply)}),
    }


def _binding(name: str, channel: Channel, operation: Operation) -> str:
    if not operation.sends:
        return "subscription"
    if channel.retained:
        return "presence" if operation.will else "state"
    return "notices" if name == "Notices" else "news"


def _reply(reply: Reply) -> Json:
    told = {"address": {"location": "$message.header#/responseTopic"}} if reply.address else {}
    answers = [_ref("channels", _key(reply.channel), "messages", each) for each in CHANNELS[reply.channel].messages]
    return {**told, "channel": _ref("channels", _key(reply.channel)), "messages": answers}
