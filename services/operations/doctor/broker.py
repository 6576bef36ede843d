"""The broker: its name, the line to it, its certificate, whether it lets us in, its limits, and our rights there."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from services.operations.doctor.findings import Notes
from services.operations.doctor.offers import judge_offers
from services.operations.doctor.rights import Rights, examine_rights
from services.operations.doctor.seen import examine_services
from shared.addresses import is_loopback
from shared.bus import BusSettings, BusUnavailableError, unguessable
from shared.bus.inspection import (
    BrokerPlace,
    BrokerRefusedError,
    addresses,
    dial,
    place,
    shake_hands,
    visit,
)
from shared.certificates import read_certificates
from shared.clock import Clock
from shared.topics import Topics

_REMEDIES: Final = (
    ("expired", "renew the broker's certificate, and look at this machine's clock"),
    ("mismatch", "dial the broker by a name that stands in its certificate, or give it one for this name"),
    ("certificate is not trusted", "LEEWARD_MQTT_CA must name the authority that signed the broker's certificate"),
    ("our certificate", "LEEWARD_MQTT_CERT must be of an authority that the broker trusts, and not have expired"),
    ("no TLS", "the broker does not speak TLS at this port: use its port for TLS, or mqtt://"),
    ("user name or password", "correct the user in LEEWARD_MQTT_URL and the password there or in _PASSWORD_FILE"),
    (
        "Not authorized",
        "correct user and password (LEEWARD_MQTT_URL, LEEWARD_MQTT_PASSWORD_FILE), or show a certificate it knows",
    ),
    ("protocol", "the broker must speak MQTT 5, as Mosquitto does from 1.6 on, and EMQX, HiveMQ and VerneMQ"),
    ("hung up", "a broker hangs up like this where it wants TLS (mqtts://) or a certificate (LEEWARD_MQTT_CERT, _KEY)"),
)
_OTHER_REMEDY: Final = "look into the broker's log for what it says of this client"


class Bus(msgspec.Struct, frozen=True, kw_only=True):
    """The bus as a service's settings have it.

    `identity` finds the name under which the shipped access list knows this service, None where it is not to be found;
    `rights` are those of a service of that name.
    """

    settings: BusSettings
    topics: Topics
    clock: Clock
    identity: Callable[[], Awaitable[str | None]]
    rights: Callable[[str], Rights]


async def examine_broker(bus: Bus, notes: Notes) -> None:
    """Go as far as the way is open. Raises BusSettingsError."""
    where = place(bus.settings)
    if await _is_reached(where, notes) and await _is_trusted(bus, where, notes):
        await _call(bus, where, notes)
    else:
        notes.skip("login", "the way to the broker is not open")


async def _is_reached(where: BrokerPlace, notes: Notes) -> bool:
    try:
        found = await addresses(where)
    except BusUnavailableError as fault:
        notes.fail("name", f"nobody knows where {fault}", "correct LEEWARD_MQTT_URL, or the DNS of this machine")
        return False
    notes.ok("name", f"{where.host} is {', '.join(found)}")
    try:
        await dial(where)
    except BusUnavailableError as fault:
        remedy = (
            "start the broker, or correct LEEWARD_MQTT_URL; look at firewalls, security groups and network policies"
        )
        notes.fail("line", f"there is no line to {fault}", remedy)
        return False
    notes.ok("line", f"somebody listens at {where}")
    return True


async def _is_trusted(bus: Bus, where: BrokerPlace, notes: Notes) -> bool:
    if not where.is_encrypted:
        if not is_loopback(where.host):
            notes.warn("tls", "others can read and change what goes to the broker", "use mqtts://")
        return True
    try:
        shown = await shake_hands(bus.settings)
    except (BrokerRefusedError, BusUnavailableError) as fault:
        notes.fail("tls", f"{where}: {fault}", _remedy(str(fault)))
        return False
    text = f"{shown.version}; its certificate is for {', '.join(shown.names)}, until {shown.facts.expires_at:%Y-%m-%d}"
    if shown.facts.ends_soon(bus.clock.now()):
        notes.warn("tls", text, "renew the broker's certificate; Mosquitto reads it again on SIGHUP")
    else:
        notes.ok("tls", text)
    return True


async def _call(bus: Bus, where: BrokerPlace, notes: Notes) -> None:
    try:
        async with visit(bus.settings, client_id=unguessable("leeward-doctor")) as guest:
            shown = _shown(bus.settings, where)
            notes.ok("login", f"the broker speaks MQTT 5 and lets us in{f' as {shown}' if shown else ''}")
            judge_offers(guest.offers, notes)
            identity = await bus.identity()
            if identity is None:
                notes.skip("rights", "this VM's name is not known", "set LEEWARD_HOST, or see the part metadata")
                return
            if shown and shown != identity:
                what = f"the broker knows this client as {shown}; for the shipped access list it must be {identity}"
                notes.warn(
                    "identity", what, f"use a certificate or user named {identity}, unless the rules are your own"
                )
            await examine_rights(guest, bus.rights(identity), shown or identity, notes)
            examine_services(guest.heard, bus.topics, bus.clock.now(), notes)
    except (BrokerRefusedError, BusUnavailableError) as fault:
        notes.fail("login", f"{where}: {fault}", _remedy(str(fault)))


def _shown(settings: BusSettings, where: BrokerPlace) -> str:
    """Return as whom the broker sees us: by the certificate, else the user; nobody by either is ''."""
    if settings.cert is None or where.user:
        return where.user or ""
    try:
        return read_certificates(settings.cert)[0].name
    except (OSError, ValueError):
        return ""  # TLS has used it, so it is only in a form that is not known here


def _remedy(fault: str) -> str:
    return next((remedy for sign, remedy in _REMEDIES if sign in fault), _OTHER_REMEDY)
