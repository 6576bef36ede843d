"""One VM as a device of Home Assistant: what its MQTT integration reads on the device's config topic.

The form is that of device discovery, which Home Assistant has since 2024.12. Every entity reads Leeward's own topics,
so that nothing is said twice; only who may read those sees values.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from services.vmwatch.home_assistant import values
from shared.messages import Presence
from shared.topics import Topics, host_key

FRESH_SECONDS: Final = 45
"""A heartbeat older than this says nothing any more (docs/topics.md)."""
_DIAGNOSTIC: Final = "diagnostic"


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Common form: Home Assistant's own names, and nothing that says only its default."""


class Availability(_Part, frozen=True, kw_only=True):
    """Where to hear whether values count."""

    topic: str
    value_template: str
    payload_available: str
    payload_not_available: str


class Component(_Part, frozen=True, kw_only=True):
    """One entity; an empty `availability` lifts that of the device."""

    platform: str
    unique_id: str
    name: str
    state_topic: str
    value_template: str
    device_class: str | None = None
    entity_category: str | None = None
    expire_after: int | None = None
    json_attributes_topic: str | None = None
    json_attributes_template: str | None = None
    availability: tuple[Availability, ...] | None = None


class Device(_Part, frozen=True, kw_only=True):
    """What the entities belong to."""

    identifiers: tuple[str, ...]
    name: str
    manufacturer: str
    model: str


class Origin(_Part, frozen=True, kw_only=True):
    """Who says all this."""

    name: str
    sw_version: str


class DeviceConfig(_Part, frozen=True, kw_only=True):
    """The whole message."""

    device: Device
    origin: Origin
    availability: tuple[Availability, ...]
    components: dict[str, Component]
    qos: int


def describe(host: str, topics: Topics, version: str) -> DeviceConfig:
    """Return what Home Assistant needs to show the VM with resource name `host`."""
    key = host_key(host)
    heartbeat = Availability(
        topic=topics.status(key),
        value_template=values.PRESENCE,
        payload_available=Presence.ONLINE,
        payload_not_available=Presence.OFFLINE,
    )
    name = f"leeward_{key}"
    found = (*_of_events(name, topics.events(key)), _of_drains(name, topics.drain(key, "+")))
    about_watcher = _of_watcher(name, topics.status(key))
    return DeviceConfig(
        device=Device(identifiers=(name,), name=host, manufacturer="Leeward", model="Azure virtual machine"),
        origin=Origin(name="Leeward", sw_version=version),
        availability=(heartbeat,),
        components={each.unique_id.removeprefix(f"{name}_"): each for each in (*found, *about_watcher)},
        qos=1,
    )


def _of_events(name: str, topic: str) -> Iterator[Component]:
    yield Component(
        platform="binary_sensor",
        unique_id=f"{name}_maintenance",
        name="Maintenance announced",
        device_class="problem",
        state_topic=topic,
        value_template=values.MAINTENANCE,
    )
    yield Component(
        platform="sensor",
        unique_id=f"{name}_next_event",
        name="Next event",
        state_topic=topic,
        value_template=values.NEXT_EVENT,
        json_attributes_topic=topic,
        json_attributes_template=values.NEXT_EVENT_DETAILS,
    )
    yield Component(
        platform="sensor",
        unique_id=f"{name}_not_before",
        name="Not before",
        device_class="timestamp",
        state_topic=topic,
        value_template=values.NOT_BEFORE,
    )


def _of_drains(name: str, topic: str) -> Component:
    return Component(
        platform="sensor",
        unique_id=f"{name}_drain",
        name="Drain",
        state_topic=topic,
        value_template=values.DRAIN,
        json_attributes_topic=topic,
        json_attributes_template=values.DRAIN_DETAILS,
    )


def _of_watcher(name: str, topic: str) -> Iterator[Component]:
    """Yield what tells how far the rest may be relied on; the first says "off" where the others have no value."""
    yield Component(
        platform="binary_sensor",
        unique_id=f"{name}_watcher",
        name="Watcher",
        device_class="connectivity",
        entity_category=_DIAGNOSTIC,
        expire_after=FRESH_SECONDS,
        state_topic=topic,
        value_template=values.WATCHER,
        availability=(),
    )
    yield Component(
        platform="binary_sensor",
        unique_id=f"{name}_polls",
        name="Metadata service answers",
        device_class="connectivity",
        entity_category=_DIAGNOSTIC,
        expire_after=FRESH_SECONDS,
        state_topic=topic,
        value_template=values.POLLS,
    )
    yield Component(
        platform="sensor",
        unique_id=f"{name}_metadata",
        name="Metadata service",
        entity_category=_DIAGNOSTIC,
        expire_after=FRESH_SECONDS,
        state_topic=topic,
        value_template=values.METADATA,
    )
