"""From maintenance documents to policies: limits and contradictions that types cannot say."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from services.scheduler.api.schemas.lengths import ZERO, within
from services.scheduler.api.schemas.maintenance import (
    DurationRuleDocument,
    MaintenanceDocument,
    MaintenanceRuleDocument,
)
from services.scheduler.api.schemas.values import Duration, Lead
from services.scheduler.domain.policies import NO_MAINTENANCE, DurationRule, LeadTime, Maintenance, MaintenanceRule
from services.scheduler.errors import InvalidInputError

MAX_LEAD_TIME = timedelta(days=30)
MAX_EVENT = timedelta(days=30)
MAX_VARIANTS = 50
"""Event types that one level may tell apart; so many sources too, and so many durations."""
MAX_NAME = 64


def read_maintenance(document: MaintenanceDocument | None, field: str = "maintenance") -> Maintenance:
    """Return the policy of one level; raises InvalidInputError naming what is wrong below `field`."""
    if document is None:
        return NO_MAINTENANCE
    policy = Maintenance(
        rule=_rule(document, field),
        by_type=_by_name(document.by_type, _below(field, "byType")),
        by_source=_by_name(document.by_source, _below(field, "bySource")),
        by_duration=_by_duration(document.by_duration, _below(field, "byDuration")),
    )
    return NO_MAINTENANCE if policy == NO_MAINTENANCE else policy


def _by_name(rules: Mapping[str, MaintenanceRuleDocument], field: str) -> dict[str, MaintenanceRule]:
    """Return rules by lower-cased name: an event type or source that nobody knows yet is as good as another."""
    _check_count(len(rules), field)
    found: dict[str, MaintenanceRule] = {}
    for name, rule in rules.items():
        if not 0 < len(name) <= MAX_NAME:
            raise InvalidInputError(_below(field, name[:MAX_NAME]), f"a name has 1 to {MAX_NAME} characters")
        if name.lower() in found:
            raise InvalidInputError(_below(field, name), "is there twice: names are compared without regard to case")
        found[name.lower()] = _rule(rule, _below(field, name))
    return found


def _by_duration(rules: Sequence[DurationRuleDocument], field: str) -> tuple[DurationRule, ...]:
    _check_count(len(rules), field)
    found: dict[timedelta, DurationRule] = {}
    for place, rule in enumerate(rules):
        entry = f"{field}[{place}]"
        up_to = within(rule.up_to, f"{entry}.upTo", ZERO, ZERO, MAX_EVENT)
        if up_to in found:
            raise InvalidInputError(f"{entry}.upTo", f"{Duration(up_to)} is there twice; make one entry of the two")
        found[up_to] = DurationRule(up_to=up_to, rule=_rule(rule, entry))
    return tuple(found.values())


def _rule(document: MaintenanceRuleDocument, field: str) -> MaintenanceRule:
    return MaintenanceRule(
        strategy=document.strategy,
        lead_time=_lead_time(document.lead_time, _below(field, "leadTime")),
        in_flight=document.in_flight,
        at_deadline=document.at_deadline,
        last_standing=document.last_standing,
        on_release=document.on_release,
    )


def _lead_time(lead: Lead | None, field: str) -> LeadTime | None:
    if lead is None or not isinstance(lead.value, timedelta):
        return None if lead is None else lead.value
    return within(Duration(lead.value), field, ZERO, ZERO, MAX_LEAD_TIME)


def _check_count(count: int, field: str) -> None:
    if count > MAX_VARIANTS:
        raise InvalidInputError(field, f"{count} are too many; at most {MAX_VARIANTS} are allowed")


def _below(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name
