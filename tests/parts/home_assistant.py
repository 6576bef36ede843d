"""What Home Assistant makes of a device's config and of messages: its templates' rules, in real Jinja."""

from contextlib import suppress
from typing import Any

import msgspec
from jinja2.sandbox import ImmutableSandboxedEnvironment

Json = dict[str, Any]

UNKNOWN = "None"
"""What a template says where there is no value."""


class Shown:
    """The entities of one device, and what each says after a message."""

    def __init__(self, config: bytes) -> None:
        """Read a device's config as it is published."""
        self.config: Json = msgspec.json.decode(config)
        self._jinja = ImmutableSandboxedEnvironment()

    @property
    def entities(self) -> dict[str, Json]:
        """Every entity by its key."""
        found: dict[str, Json] = self.config["components"]
        return found

    def value(self, entity: str, payload: bytes) -> str:
        """Return what an entity shows after a message on its topic."""
        return self._rendered(self.entities[entity]["value_template"], payload)

    def details(self, entity: str, payload: bytes) -> Json:
        """Return the attributes of an entity after a message on its topic."""
        read: Json = msgspec.json.decode(self._rendered(self.entities[entity]["json_attributes_template"], payload))
        return read

    def _rendered(self, template: str, payload: bytes) -> str:
        """As Home Assistant does: `value_json` is only there when the payload is JSON, and blanks around are cut."""
        variables: Json = {"value": payload.decode()}
        with suppress(msgspec.DecodeError):
            variables["value_json"] = msgspec.json.decode(payload)
        return self._jinja.from_string(template).render(variables).strip()
