"""The metadata service: is this an Azure VM, who are we by it, does it answer about events, and how soon."""

from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Final

import msgspec

from services.operations.doctor.clocks import judge_date
from services.operations.doctor.findings import Notes
from services.vmwatch.documents import Document, parse_document
from services.vmwatch.errors import DocumentError, MetadataError, MetadataOutcome
from services.vmwatch.exchange import Answer, Exchange, Request
from services.vmwatch.imds import EVENTS_PATH, INSTANCE_PATH
from services.vmwatch.instance import INSTANCE_API_VERSION, Overrides, parse_instance
from shared.clock import Clock
from shared.messages import Inventory

AZURES_TAG: Final = "7783-7084-3265-9085-8269-3286-77"
"""What the firmware of every Azure VM says of its chassis."""
_TAG_FILE: Final = Path("/sys/class/dmi/id/chassis_asset_tag")
_PROXIES: Final = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_SLOW_SECONDS: Final = 1.0
_REMEDIES: Final[Mapping[MetadataOutcome, str]] = MappingProxyType(
    {
        MetadataOutcome.UNREACHABLE: "let this machine or pod reach 169.254.169.254:80: network policies, hostNetwork",
        MetadataOutcome.TIMEOUT: "a first answer may take two minutes: try --seconds 130; then look at firewalls",
        MetadataOutcome.BAD_REQUEST: "correct LEEWARD_IMDS_API_VERSION; something between may add X-Forwarded-For",
        MetadataOutcome.NOT_FOUND: "LEEWARD_IMDS_URL must be what comes before /metadata",
        MetadataOutcome.GONE: "the VM is being updated: try again in a minute",
        MetadataOutcome.THROTTLED: "others on this VM ask too often: five requests a second are for all together",
        MetadataOutcome.REDIRECT: "something between answers in the service's place: a proxy, a login page",
    }
)
_OTHER_REMEDY: Final = "try again; if it stays, look for what answers in the metadata service's place"


class MetadataPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the service is, and what the operator fixed of what it says."""

    url: str
    api_version: str
    overrides: Overrides


async def read_inventory(where: MetadataPlace, seconds: float) -> Inventory:
    """Return who this VM is. Raises MetadataError, DocumentError."""
    async with Exchange() as exchange:
        answer = await exchange.ask(_instance(where, seconds))
        return parse_instance(answer.body or b"", where.overrides)


async def examine_metadata(where: MetadataPlace, clock: Clock, seconds: float, notes: Notes) -> None:
    """Ask for both documents, as the watcher does."""
    async with Exchange() as exchange:
        try:
            answer = await exchange.ask(_instance(where, seconds))
            judge_date(answer.date, clock.now(), "the metadata service", notes)
            _judge_inventory(parse_instance(answer.body or b"", where.overrides), notes)
            await _ask_for_events(exchange, where, seconds, notes)
        except MetadataError as fault:
            _note_failure(fault, notes)
        except DocumentError as fault:
            notes.fail("documents", str(fault), _REMEDIES[MetadataOutcome.REDIRECT])


def is_azures(tag_file: Path = _TAG_FILE) -> bool | None:
    """Whether the firmware says that this is an Azure VM; None where it is not to be seen."""
    try:
        return tag_file.read_text(encoding="ascii").strip() == AZURES_TAG
    except (OSError, UnicodeDecodeError):
        return None


async def _ask_for_events(exchange: Exchange, where: MetadataPlace, seconds: float, notes: Notes) -> None:
    began = monotonic()
    request = Request(url=f"{where.url}{EVENTS_PATH}", version=where.api_version, limit=seconds)
    answer: Answer = await exchange.ask(request)
    took = monotonic() - began
    document = parse_document(answer.body or b"", api_version=where.api_version)
    _judge_document(document, took, notes)


def _judge_document(document: Document, took: float, notes: Notes) -> None:
    text = f"it answers about events in {took:.2f} s, incarnation {document.incarnation}"
    if took > _SLOW_SECONDS:
        remedy = "a first answer may take two minutes; if it stays slow, see who else asks on this VM"
        notes.warn("events", f"{text}: slowly", remedy)
    elif document.incarnation <= 1 and not document.events:
        notes.ok("events", f"{text}: it may just have been switched on, and events come within five minutes")
    else:
        notes.ok("events", f"{text}, with {len(document.events)} events")
    for doubt in document.doubts[:3]:
        notes.warn("documents", doubt, "please report this with the version: Azure may have changed the document")


def _judge_inventory(inventory: Inventory, notes: Notes) -> None:
    pools = ", ".join(inventory.pools) or "none"
    notes.ok("instance", f"this VM is {inventory.host}; pools: {pools}; group: {inventory.group or 'none'}")


def judge_proxies(environment: Mapping[str, str], notes: Notes) -> None:
    """Note that proxies are set, which others on this machine may trip over."""
    if found := [name for name in _PROXIES if environment.get(name)]:
        notes.ok("proxy", f"{', '.join(found)} is set and not used: the metadata service answers no proxy")


def _note_failure(fault: MetadataError, notes: Notes) -> None:
    remedy = _REMEDIES.get(fault.outcome, _OTHER_REMEDY)
    if fault.outcome in (MetadataOutcome.UNREACHABLE, MetadataOutcome.TIMEOUT) and is_azures() is False:
        what = f"this machine does not look like an Azure VM: {fault}"
        remedy = "run the watcher on a VM of Azure, or name an emulator (leeward-imds) in LEEWARD_IMDS_URL"
        notes.fail("reached", what, remedy)
    else:
        notes.fail("reached", str(fault), remedy)


def _instance(where: MetadataPlace, seconds: float) -> Request:
    return Request(url=f"{where.url}{INSTANCE_PATH}", version=INSTANCE_API_VERSION, limit=seconds)
