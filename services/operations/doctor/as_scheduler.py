"""The examination of a scheduler's surroundings, by its settings."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec

from services.operations.doctor.broker import Bus, examine_broker
from services.operations.doctor.checkup import Check, not_checked
from services.operations.doctor.files import examine_files
from services.operations.doctor.findings import Notes, Part
from services.operations.doctor.machine import examine_machine
from services.operations.doctor.readiness import Port, examine_readiness
from services.operations.doctor.rights import Answer, Probe, Reading, Rights, probe
from services.scheduler.settings import Settings
from shared.about import product_version
from shared.bus import Delivery, unguessable
from shared.checking import NamedFile
from shared.clock import Clock
from shared.messages import Presence, ReplicaStatus, encode
from shared.topics import Topics, host_key

IDENTITY = "leeward-scheduler"
"""As whom the shipped access list knows every replica."""
NOT_INSTALLED = "the scheduler is not installed here"
_INSTALL = "pip install 'leeward[scheduler,postgresql]'"
LIBRARIES = ("aiosqlite", "cronsim", "cryptography", "jinja2", "jwt", "sqlalchemy")
_OTHERS_PORT = "127.0.0.1:9465"
_FILES_A_RUNNER = 10
_SPARE_FILES = 500


def is_installed() -> bool:
    """Whether the libraries of the scheduler are here."""
    return all(find_spec(name) is not None for name in LIBRARIES)


def checks(settings: Settings, environment: Mapping[str, str], clock: Clock, seconds: float) -> list[Check]:
    """Return what is to be examined; each part may take so many seconds."""
    topics = Topics(settings.topic_prefix)

    async def identity() -> str:
        return IDENTITY

    bus = Bus(
        settings=settings.bus,
        topics=topics,
        clock=clock,
        identity=identity,
        rights=lambda _: rights(topics, clock),
    )
    ports = (
        Port(program="leeward-scheduler", listen=settings.ops_listen, is_own=True),
        Port(program="leeward-vmwatch", listen=_OTHERS_PORT, is_own=False),
    )

    async def machine(notes: Notes) -> None:
        extras = ["scheduler", *(["postgresql"] if settings.database_url.startswith("postgres") else ())]
        needed = settings.runners * _FILES_A_RUNNER + _SPARE_FILES
        await asyncio.to_thread(examine_machine, extras, needed, notes)

    return [
        _files(settings, environment, clock),
        Check(part=Part.MACHINE, examine=machine),
        Check(part=Part.BROKER, examine=lambda notes: examine_broker(bus, notes)),
        _database(settings, seconds),
        not_checked(Part.METADATA, "a scheduler does not ask the metadata service", "--as vmwatch looks at it"),
        Check(part=Part.READINESS, examine=lambda notes: examine_readiness(ports, notes)),
    ]


def rights(topics: Topics, clock: Clock) -> Rights:
    """Return what a scheduler must be able to read and write, and probes in the name of one that does not exist."""
    nobody = unguessable("leeward-doctor")
    said = ReplicaStatus(
        replica=nobody, session=nobody, state=Presence.OFFLINE, at=clock.now(), version=product_version()
    )

    def probes(_: Sequence[Delivery]) -> Iterable[Probe]:
        yield probe("schedulers' status", topics.scheduler_status(nobody), encode(said), Answer.ECHO)
        # Without a payload they read as cleared, which of a host that does not exist says nothing to anybody.
        yield probe("drains", topics.drain(host_key(nobody), nobody), b"", Answer.ECHO)
        yield probe("commands to watchers", topics.approve(host_key(nobody)), b"", Answer.TAKEN)

    return Rights(
        readings=(
            Reading(what="watchers' status", topic_filter=topics.all_hosts("status")),
            Reading(what="inventories", topic_filter=topics.all_hosts("inventory")),
            Reading(what="snapshots of events", topic_filter=topics.all_hosts("events")),
            Reading(what="blocks", topic_filter=topics.all_hosts("blocks/+")),
            Reading(what="drains", topic_filter=topics.all_hosts("drains/+")),
            Reading(what="schedulers' status", topic_filter=topics.scheduler_status(nobody).replace(nobody, "+")),
            Reading(what="replies", topic_filter=f"{topics.replies(nobody)}/+"),
        ),
        probes=probes,
        untried="writing blocks and notices of executions: other programs would take a probe for news",
    )


def _files(settings: Settings, environment: Mapping[str, str], clock: Clock) -> Check:
    if not is_installed():
        return not_checked(Part.FILES, NOT_INSTALLED, _INSTALL)
    from services.scheduler.checking import certificates, faults

    others = (
        NamedFile(variable="LEEWARD_MQTT_KEY", path=settings.mqtt_key, is_secret=True),
        NamedFile(variable="LEEWARD_MQTT_PASSWORD_FILE", path=settings.mqtt_password_file, is_secret=True),
        NamedFile(variable="LEEWARD_ACTIONS_MQTT_KEY", path=settings.actions_mqtt_key, is_secret=True),
        NamedFile(
            variable="LEEWARD_ACTIONS_MQTT_PASSWORD_FILE", path=settings.actions_mqtt_password_file, is_secret=True
        ),
        NamedFile(variable="LEEWARD_LISTEN_KEY", path=settings.listen_key, is_secret=True),
        NamedFile(variable="LEEWARD_TOKENS_FILE", path=settings.tokens_file, is_secret=True),
        NamedFile(variable="LEEWARD_SECRET_KEYS_FILE", path=settings.secret_keys_file),
    )

    async def examine(notes: Notes) -> None:
        examine_files(faults(settings, environment), certificates(settings), others, clock.now(), notes)

    return Check(part=Part.FILES, examine=examine)


def _database(settings: Settings, seconds: float) -> Check:
    if not is_installed():
        return not_checked(Part.DATABASE, NOT_INSTALLED, _INSTALL)
    from services.operations.doctor.database import examine_database

    async def examine(notes: Notes) -> None:
        await examine_database(settings.database_url, seconds / 2, notes)

    return Check(part=Part.DATABASE, examine=examine)
