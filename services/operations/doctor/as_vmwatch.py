"""The examination of a watcher's surroundings, by its settings."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from services.operations.doctor.as_scheduler import NOT_INSTALLED, is_installed
from services.operations.doctor.broker import Bus, examine_broker
from services.operations.doctor.checkup import Check, not_checked
from services.operations.doctor.files import examine_files
from services.operations.doctor.findings import Notes, Part
from services.operations.doctor.machine import examine_machine
from services.operations.doctor.metadata import MetadataPlace, examine_metadata, judge_proxies, read_inventory
from services.operations.doctor.readiness import Port, examine_readiness
from services.operations.doctor.rights import Answer, Probe, Reading, Rights, probe
from services.vmwatch.checking import certificates, faults
from services.vmwatch.discovery import Dhcp, discover, hardware_address
from services.vmwatch.errors import DiscoveryError, DocumentError, MetadataError
from services.vmwatch.kubernetes_settings import KubernetesMode
from services.vmwatch.settings import Settings
from shared.bus import Delivery, unguessable
from shared.checking import NamedFile
from shared.clock import Clock
from shared.topics import RESPONDERS_BLOCK, HostKey, Topics, host_key

_OTHERS_PORT = "127.0.0.1:9464"
_FILES = 256
_WHO_SECONDS = 3.0
_KEPT = ("status", "inventory", "events")


def checks(settings: Settings, environment: Mapping[str, str], clock: Clock, seconds: float) -> list[Check]:
    """Return what is to be examined; each part may take so many seconds."""
    topics = Topics(settings.topic_prefix)

    async def identity() -> str | None:
        name = await _host(settings)
        return None if name is None else host_key(name)

    bus = Bus(
        settings=settings.bus,
        topics=topics,
        clock=clock,
        identity=identity,
        rights=lambda host: rights(topics, HostKey(host)),
    )
    ports = (
        Port(program="leeward-vmwatch", listen=settings.ops_listen, is_own=True),
        Port(program="leeward-scheduler", listen=_OTHERS_PORT, is_own=False),
    )

    async def machine(notes: Notes) -> None:
        extras = ["vmwatch", *(["kubernetes"] if settings.kubernetes is not KubernetesMode.OFF else ())]
        await asyncio.to_thread(examine_machine, extras, _FILES, notes)

    why = "a watcher uses no database" if is_installed() else NOT_INSTALLED
    return [
        _files(settings, clock),
        Check(part=Part.MACHINE, examine=machine),
        Check(part=Part.BROKER, examine=lambda notes: examine_broker(bus, notes)),
        not_checked(Part.DATABASE, why, "--as scheduler looks at it, where a scheduler is installed"),
        _metadata(settings, environment, clock, seconds),
        Check(part=Part.READINESS, examine=lambda notes: examine_readiness(ports, notes)),
    ]


def rights(topics: Topics, host: HostKey) -> Rights:
    """Return what the watcher of a host must be able to read and write.

    Its retained topics belong to a watcher that may be at work, hears each change and puts it right. So what is said
    there is the inventory that stands there already. Where nothing does, nobody is at work, and a probe says nothing.
    """
    own = {
        part: build(host) for part, build in zip(_KEPT, (topics.status, topics.inventory, topics.events), strict=True)
    }

    def probes(heard: Sequence[Delivery]) -> Iterable[Probe]:
        kept = {each.topic: each.payload for each in heard if each.payload}
        if not kept.keys() & set(own.values()):
            for part, topic in own.items():
                yield probe(f"its {part}", topic, b"", Answer.ECHO)
        elif inventory := kept.get(own["inventory"]):
            yield probe("its inventory", own["inventory"], inventory, Answer.ECHO)
        yield probe("its replies", topics.reply(unguessable("leeward-doctor"), host), b"", Answer.TAKEN)

    return Rights(
        readings=(
            *(Reading(what=f"its own {part}", topic_filter=topic) for part, topic in own.items()),
            Reading(what="commands", topic_filter=topics.approve(host)),
            Reading(what="its drains", topic_filter=topics.drain(host, "+")),
            Reading(what="the block of its responders", topic_filter=topics.block(host, RESPONDERS_BLOCK)),
        ),
        probes=probes,
        untried="writing notices and the responders' block: other programs would take a probe for news",
    )


async def _host(settings: Settings) -> str | None:
    """Return the name of this VM; None when neither the operator nor the metadata service tells it."""
    if settings.host:
        return settings.host
    try:
        return (await read_inventory(await _place(settings), _WHO_SECONDS)).host
    except (MetadataError, DocumentError, DiscoveryError):
        return None


async def _place(settings: Settings) -> MetadataPlace:
    url = await discover(Dhcp(), hardware_address) if settings.asks_dhcp else settings.imds_url
    return MetadataPlace(url=url.rstrip("/"), api_version=settings.imds_api_version, overrides=settings.overrides)


def _metadata(settings: Settings, environment: Mapping[str, str], clock: Clock, seconds: float) -> Check:
    if settings.is_remote:
        return not_checked(Part.METADATA, "LEEWARD_IMDS_URL says that there is none: Event Grid tells of events")

    async def examine(notes: Notes) -> None:
        judge_proxies(environment, notes)
        await examine_metadata(await _place(settings), clock, seconds * 0.9, notes)

    return Check(part=Part.METADATA, examine=examine)


def _files(settings: Settings, clock: Clock) -> Check:
    others = (
        NamedFile(variable="LEEWARD_MQTT_KEY", path=settings.mqtt_key, is_secret=True),
        NamedFile(variable="LEEWARD_MQTT_PASSWORD_FILE", path=settings.mqtt_password_file, is_secret=True),
        NamedFile(variable="LEEWARD_EVENTGRID_KEY_FILE", path=settings.eventgrid_key_file, is_secret=True),
        NamedFile(variable="LEEWARD_EVENTGRID_LISTEN_KEY", path=settings.eventgrid_listen_key, is_secret=True),
        NamedFile(variable="LEEWARD_WEBHOOK_SECRET_FILE", path=settings.webhook_secret_file, is_secret=True),
    )

    async def examine(notes: Notes) -> None:
        examine_files(faults(settings), certificates(settings), others, clock.now(), notes)

    return Check(part=Part.FILES, examine=examine)
