"""The messages of docs/asyncapi.yaml and their schemas, made from the structs of the bus."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec

from shared.messages import (
    CLOUD_EVENT_CONTENT_TYPE,
    JSON_CONTENT_TYPE,
    ApproveCommand,
    ApproveReply,
    Block,
    CloudEvent,
    Drain,
    EventNotice,
    EventSnapshot,
    ExecutionKind,
    ExecutionNotice,
    HostStatus,
    Inventory,
    NoticeKind,
    ReplicaStatus,
)
from tests.parts.asyncapi_frame import CLEARED, EVENT_TYPE, EXECUTION_TYPE, message_name
from tests.parts.asyncapi_topics import address, camel
from tests.parts.asyncapi_words import EXECUTIONS, FIELDS, NOTICES

Json = dict[str, Any]

STRUCTS: tuple[type[msgspec.Struct], ...] = (
    HostStatus,
    Inventory,
    EventSnapshot,
    Drain,
    ApproveCommand,
    ApproveReply,
    Block,
    ReplicaStatus,
)
_ENVELOPES = (CloudEvent[EventNotice], CloudEvent[ExecutionNotice])
_ENVELOPE = CloudEvent.__name__
_ATTRIBUTES: dict[str, Json] = {
    "specversion": {"const": "1.0"},
    "id": {"minLength": 1},
    "source": {"minLength": 1, "format": "uri-reference"},
    "type": {"minLength": 1},
    "subject": {"minLength": 1},
    "datacontenttype": {"const": JSON_CONTENT_TYPE},
}
"""What CloudEvents 1.0 asks of attributes, and what Leeward always has them say."""
_REF = "#/components/schemas/{name}"
_GENERIC = re.compile(rf"{_ENVELOPE}_(\w+)_")
_ATTRIBUTE = re.compile(r"`[a-z]+(?:_[a-z]+)+`")
_BINDING = "0.2.0"
_CORRELATION: Json = {
    "type": "string",
    "description": "Bytes that the asker chose; the answer has the same. In examples in hexadecimal.",
}


def schemas() -> dict[str, Json]:
    """Return the schema of every struct that is on the bus, with words for its fields."""
    _, found = msgspec.json.schema_components((*STRUCTS, *_ENVELOPES), ref_template=_REF)
    text = _GENERIC.sub(rf"\1{_ENVELOPE}", msgspec.json.encode(found).decode())
    named: dict[str, Json] = msgspec.json.decode(text)
    return {name: _worded(name, _narrowed(name, schema)) for name, schema in named.items()}


def _narrowed(name: str, schema: Json) -> Json:
    """Have an envelope say what CloudEvents asks; every attribute is there, defaults or not."""
    if not name.endswith(_ENVELOPE):
        return schema
    properties = {field: {**each, **_ATTRIBUTES.get(field, {})} for field, each in schema["properties"].items()}
    return {**schema, "required": list(properties), "properties": properties}


def _worded(name: str, schema: Json) -> Json:
    kind = _ENVELOPE if name.endswith(_ENVELOPE) else name
    properties = {
        field: _described(each, FIELDS.get(f"{kind}.{field}")) for field, each in schema.get("properties", {}).items()
    }
    description = _ATTRIBUTE.sub(lambda found: camel(found[0]), re.sub(r"\s*\n\s*", " ", schema["description"]))
    plain = description.replace("is None", "is null")
    return {**schema, "title": name, "description": plain} | ({"properties": properties} if properties else {})


def _described(schema: Json, words: str | None) -> Json:
    if words is None:
        return schema
    # Beside a reference nothing else counts (JSON Schema draft 7, which AsyncAPI builds on).
    return {"description": words, **({"allOf": [schema]} if "$ref" in schema else schema)}


def messages(examples: dict[str, list[Json]]) -> dict[str, Json]:
    """Return every message of the bus with the examples that were recorded of it."""
    plain = {kind.__name__: _plain(kind) for kind in STRUCTS}
    found = {**plain, **dict(_notices()), **dict(_executions()), CLEARED: _cleared()}
    return {name: {**each, "examples": examples[name]} if name in examples else each for name, each in found.items()}


def _plain(kind: type[msgspec.Struct]) -> Json:
    name = kind.__name__
    more = {ApproveCommand: _request, ApproveReply: _reply}.get(kind, dict)()
    return {
        "name": name,
        "title": re.sub(r"(?<!^)([A-Z])", lambda found: f" {found[1].lower()}", name),
        "contentType": JSON_CONTENT_TYPE,
        "payload": {"$ref": _REF.format(name=name)},
        **more,
        "bindings": _bindings(**more.get("bindings", {})),
    }


def _request() -> Json:
    topic = {"type": "string", "description": "Where the answer is to go."}
    bound = {"responseTopic": address("reply"), "correlationData": _CORRELATION}
    return {**_correlated(responseTopic=topic), "bindings": bound}


def _reply() -> Json:
    return {**_correlated(), "bindings": {"correlationData": _CORRELATION}}


def _correlated(**others: Json) -> Json:
    """Return what makes messages belong together. It has to be a header for expressions to point at it."""
    headers = {**others, "correlationData": _CORRELATION}
    return {
        "headers": {
            "type": "object",
            "description": "Properties of MQTT 5, not user properties.",
            "required": list(headers),
            "properties": headers,
        },
        "correlationId": {"location": "$message.header#/correlationData"},
    }


def _bindings(**more: Any) -> Json:
    return {"mqtt": {"payloadFormatIndicator": 1, **more, "bindingVersion": _BINDING}}


def _notices() -> Iterator[tuple[str, Json]]:
    for kind in NoticeKind:
        name = message_name("Event", kind)
        yield name, _cloud_event(name, EVENT_TYPE, kind, EventNotice, NOTICES.get(kind, ""))


def _executions() -> Iterator[tuple[str, Json]]:
    for kind in ExecutionKind:
        name = message_name("Execution", kind)
        yield name, _cloud_event(name, EXECUTION_TYPE, kind, ExecutionNotice, EXECUTIONS.get(kind, ""))


def _cloud_event(name: str, prefix: str, kind: StrEnum, data: type[msgspec.Struct], summary: str) -> Json:
    """Return a CloudEvent in structured mode: the envelope, narrowed to one type."""
    type_ = f"{prefix}.{kind}"
    return {
        "name": name,
        "title": type_,
        **({"summary": summary} if summary else {}),
        "contentType": CLOUD_EVENT_CONTENT_TYPE,
        "payload": {
            "allOf": [
                {"$ref": _REF.format(name=f"{data.__name__}{_ENVELOPE}")},
                {"properties": {"type": {"const": type_}}},
            ]
        },
        "bindings": _bindings(),
    }


def _cleared() -> Json:
    return {
        "name": CLEARED,
        "title": "Nothing any more",
        "summary": "An empty retained message: the broker forgets what was said on the topic.",
        "contentType": "application/octet-stream",
        "payload": {"type": "string", "maxLength": 0},
    }
