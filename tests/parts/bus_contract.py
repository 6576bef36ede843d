"""docs/asyncapi.yaml as a judge of what is really said on the bus."""

import re
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec
from jsonschema import Draft7Validator, FormatChecker

from tests.parts.asyncapi_frame import CLEARED
from tests.parts.bus_recorder import Heard

Json = dict[str, Any]

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_instant(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


class Contract:
    """Says which message something heard is, and in what it is not as documented."""

    def __init__(self, document: Json) -> None:
        """Judge by this AsyncAPI document."""
        self._document = document
        self.channels: Json = document["channels"]
        self.messages: Json = document["components"]["messages"]

    @cached_property
    def _validators(self) -> dict[str, Draft7Validator]:
        components = self._document["components"]
        # A field that the document does not know is no fault of a message in general, but it is one of ours.
        schemas = {
            name: {**schema, "additionalProperties": False} if "properties" in schema else schema
            for name, schema in components["schemas"].items()
        }
        base = {"components": {**components, "schemas": schemas}}
        return {
            name: Draft7Validator({"$ref": f"#/components/messages/{name}/payload", **base}, format_checker=_FORMATS)
            for name in self.messages
        }

    def channel_of(self, topic: str) -> str:
        """Return the channel of a topic; raises ValueError when there is not just one."""
        found = [name for name, channel in self.channels.items() if _matches(channel["address"], topic)]
        if len(found) != 1:
            raise ValueError(f"{topic} is of the channels {found}")
        return found[0]

    def message_of(self, heard: Heard) -> str:
        """Return which message of its channel this is; raises ValueError when it is not just one."""
        said: list[str] = list(self.channels[self.channel_of(heard.topic)]["messages"])
        payload = msgspec.json.decode(heard.payload) if heard.payload else ""
        faults = {name: list(self._validators[name].iter_errors(payload)) for name in said}
        found = [name for name in said if not faults[name]]
        if len(found) != 1:
            why = {name: [fault.message for fault in several] for name, several in faults.items()}
            raise ValueError(f"{heard.topic} has a message of {found}: {why}")
        return found[0]

    def faults(self, heard: Heard) -> list[str]:
        """Return all in which something heard is not as documented."""
        try:
            name = self.message_of(heard)
        except ValueError as fault:
            return [str(fault)]
        found = _properties(heard)
        documented = {**self._of_message(name), **self._of_sender(heard.topic, name)}
        return [
            f"{name} on {heard.topic}: {what} is {found[what]!r} and not {value!r}"
            for what, value in documented.items()
            if found[what] != value
        ]

    def payload_faults(self, name: str, payload: object) -> list[str]:
        """Return in what a payload is no message of that name."""
        return [fault.message for fault in self._validators[name].iter_errors(payload)]

    def _of_message(self, name: str) -> Json:
        """Return what the document says of a message, whoever sends it; nothing has user properties."""
        message = self.messages[name]
        headers = message.get("headers", {}).get("required", ())
        kept = {} if name == CLEARED else {"content type": message["contentType"], "is UTF-8": True}
        asks = {what: what in headers for what in ("responseTopic", "correlationData")}
        return {"content type": None, "user properties": (), **kept, **asks}

    def _of_sender(self, topic: str, name: str) -> Json:
        """Return what the bindings of those say that send a message there; nothing of a reply."""
        channel = self.channel_of(topic)
        said = {"$ref": f"#/channels/{channel}/messages/{name}"}
        for operation in self._document["operations"].values():
            if operation["action"] == "send" and said in operation["messages"]:
                kind = operation["bindings"]["$ref"].rpartition("/")[2]
                binding = self._document["components"]["operationBindings"][kind]["mqtt"]
                lasting = binding.get("messageExpiryInterval", {}).get("minimum")
                return {"QoS": binding["qos"], "retain": binding["retain"], "expires": lasting is not None}
        return {}


def _properties(heard: Heard) -> Json:
    return {
        "QoS": heard.qos,
        "retain": heard.retain,
        "content type": heard.content_type,
        "is UTF-8": heard.is_utf8,
        "expires": heard.expiry is not None,
        "responseTopic": heard.response_topic is not None,
        "correlationData": heard.correlation is not None,
        "user properties": heard.user_properties,
    }


def _matches(address: str | None, topic: str) -> bool:
    return address is not None and re.fullmatch(re.sub(r"{\w+}", "[^/]+", address), topic) is not None
