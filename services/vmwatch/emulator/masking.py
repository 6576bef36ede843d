"""Takes out of recorded documents what nobody else may read: secrets always, names and ids when asked to."""

import re
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import msgspec

from services.vmwatch.emulator.faults import Endpoint

_SECRET: Final = frozenset({"customdata", "userdata", "adminpassword", "keydata", "publickeys"})
"""Fields of the instance document in which people keep secrets, or that say who may log in."""
_HARMLESS: Final = frozenset(
    {"azenvironment", "evictionpolicy", "location", "ostype", "physicalzone", "platformfaultdomain", "priority"}
    | {"platformupdatedomain", "provider", "vmsize", "zone", "version", "sku", "offer", "publisher", "prefix"}
)
_NAMES: Final = {"name": "vm", "computername": "vm", "vmscalesetname": "set", "resourcegroupname": "group"}
_IDS: Final = frozenset({"vmid", "placementgroupid"})
_HIDDEN: Final = "masked"

Rewrite = Callable[[Endpoint, bytes], bytes]


class Masking:
    """Replaces the same name by the same mask each time, so that a masked recording still tells its story.

    VMs become `vm-1`, `vm-2` …, their scale set `set-1`, ids made-up GUIDs; types, instants, durations and words stay
    as they are, but for the names in them. What is no document is replaced whole.
    """

    def __init__(self) -> None:
        """Begin without any names."""
        self._names: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    def __call__(self, endpoint: Endpoint, body: bytes) -> bytes:
        """Return the body masked."""
        try:
            document = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return f"masked: {len(body)} bytes that are no JSON".encode()
        if endpoint is Endpoint.INSTANCE:
            return msgspec.json.encode(self._instance(document, ""))
        return msgspec.json.encode(self._events(document))

    def _events(self, document: Any) -> Any:
        if not isinstance(document, dict) or not isinstance(document.get("Events"), list):
            return {"error": _HIDDEN}
        incarnation = document.get("DocumentIncarnation")
        return {"DocumentIncarnation": incarnation, "Events": [self._event(event) for event in document["Events"]]}

    def _event(self, event: Any) -> Any:
        if not isinstance(event, dict):
            return _HIDDEN
        masked = {**event, "EventId": self._id(event.get("EventId"))}
        if isinstance(event.get("Resources"), list):
            masked["Resources"] = [self._name(name) for name in event["Resources"]]
        if isinstance(event.get("Description"), str):
            masked["Description"] = self._without_names(event["Description"])
        return masked

    def _instance(self, part: Any, key: str) -> Any:
        """Keep the form and what is harmless; everything else is emptied."""
        if isinstance(part, dict):
            return {name: self._instance(value, name.lower()) for name, value in part.items()}
        if isinstance(part, list):
            return [] if key in _SECRET | {"tagslist"} else [self._instance(item, key) for item in part]
        if key in _NAMES:
            return self._name(part, _NAMES[key])
        if key in _IDS and part:
            return self._id(part)
        return part if key in _HARMLESS else ""

    def _name(self, name: object, label: str = "vm") -> str:
        text = str(name)
        if text and text.lower() not in self._names:
            number = sum(mask.startswith(f"{label}-") for mask in self._names.values()) + 1
            self._names[text.lower()] = f"{label}-{number}"
        return self._names[text.lower()] if text else ""

    def _id(self, event_id: object) -> str:
        made_up = str(UUID(int=len(self._ids) + 1)).upper()
        return self._ids.setdefault(str(event_id).upper(), made_up)

    def _without_names(self, text: str) -> str:
        for name, mask in sorted(self._names.items(), key=lambda pair: -len(pair[0])):
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", mask, text, flags=re.IGNORECASE)
        return text


def without_secrets(endpoint: Endpoint, body: bytes) -> bytes:
    """Return the body as it is, but for the secrets that an instance document may hold."""
    if endpoint is not Endpoint.INSTANCE:
        return body
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
    return msgspec.json.encode(_emptied(document))


def _emptied(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: "" if name.lower() in _SECRET else _emptied(value) for name, value in part.items()}
    return [_emptied(item) for item in part] if isinstance(part, list) else part
