"""From stored maintenance policies to their documents, and to what applies to one job of them all."""

from datetime import timedelta

from msgspec.structs import asdict

from services.scheduler.api.schemas.action_writer import cancel_document
from services.scheduler.api.schemas.maintenance import (
    DurationRuleDocument,
    JobMaintenanceDocument,
    MaintenanceDocument,
    MaintenanceRuleDocument,
    ResolvedDocument,
    ResolvedDurationDocument,
    ResolvedMaintenanceDocument,
    ResolvedRuleDocument,
)
from services.scheduler.api.schemas.values import Duration, Lead
from services.scheduler.domain.jobs import JobDefinition
from services.scheduler.domain.policies import Maintenance, MaintenanceRule, Policies, Traits

_EVENT_TYPES = {name.lower(): name for name in ("Freeze", "Reboot", "Redeploy", "Preempt", "Terminate", "Manual")}
_SOURCES = {name.lower(): name for name in ("Platform", "User")}

_FIELDS = dict(
    zip(MaintenanceRuleDocument.__struct_fields__, MaintenanceRuleDocument.__struct_encode_fields__, strict=True)
)
_ANY_EVENT = Traits("")


def maintenance_document(maintenance: Maintenance) -> MaintenanceDocument | None:
    """Return the document of a level's policy; None when it has none."""
    document = _document(maintenance)
    return None if document == MaintenanceDocument() else document


def job_maintenance_document(definition: JobDefinition) -> JobMaintenanceDocument | None:
    """Return the document of a job's policy and its cancel request; None when it has neither."""
    cancel = cancel_document(definition.action)
    document = JobMaintenanceDocument(**asdict(_document(definition.maintenance)), cancel=cancel)
    return None if document == JobMaintenanceDocument() else document


def resolved_document(policies: Policies, expected: timedelta | None) -> ResolvedDocument:
    """Return what applies to one job: under any event, and under each kind that some level tells apart."""
    levels = [maintenance for _, maintenance in policies.levels()]
    types = sorted({name for level in levels for name in level.by_type})
    sources = sorted({name for level in levels for name in level.by_source})
    lengths = sorted({one.up_to for level in levels for one in level.by_duration})
    maintenance = ResolvedMaintenanceDocument(
        **asdict(_resolved(policies, _ANY_EVENT)),
        by_type={spell_type(name): _resolved(policies, Traits(name)) for name in types},
        by_source={spell_source(name): _resolved(policies, Traits("", name)) for name in sources},
        by_duration=[_resolved_up_to(policies, up_to) for up_to in lengths],
    )
    return ResolvedDocument(maintenance=maintenance, expected_duration=None if expected is None else Duration(expected))


def _resolved_up_to(policies: Policies, up_to: timedelta) -> ResolvedDurationDocument:
    traits = Traits("", "", int(up_to.total_seconds()))
    return ResolvedDurationDocument(**asdict(_resolved(policies, traits)), up_to=Duration(up_to))


def _resolved(policies: Policies, traits: Traits) -> ResolvedRuleDocument:
    answers = policies.under(traits)
    return ResolvedRuleDocument(
        strategy=answers.strategy,
        lead_time=None if answers.lead_time is None else Lead(answers.lead_time),
        in_flight=answers.in_flight,
        at_deadline=answers.at_deadline,
        last_standing=answers.last_standing,
        on_release=answers.on_release,
        answered_by={_FIELDS[field]: level for field, level in policies.origins(traits).items()},
    )


def spell_type(event_type: str) -> str:
    """Return an event type of `byType` as documents spell it, whatever its case; unknown ones in lower case."""
    return _EVENT_TYPES.get(event_type.lower(), event_type.lower())


def spell_source(source: str) -> str:
    """Return a source of `bySource` as documents spell it, whatever its case; unknown ones in lower case."""
    return _SOURCES.get(source.lower(), source.lower())


def _document(maintenance: Maintenance) -> MaintenanceDocument:
    return MaintenanceDocument(
        **asdict(_rule(maintenance.rule)),
        by_type={spell_type(name): _rule(rule) for name, rule in maintenance.by_type.items()},
        by_source={spell_source(name): _rule(rule) for name, rule in maintenance.by_source.items()},
        by_duration=[
            DurationRuleDocument(**asdict(_rule(one.rule)), up_to=Duration(one.up_to))
            for one in maintenance.by_duration
        ],
    )


def _rule(rule: MaintenanceRule) -> MaintenanceRuleDocument:
    return MaintenanceRuleDocument(
        strategy=rule.strategy,
        lead_time=None if rule.lead_time is None else Lead(rule.lead_time),
        in_flight=rule.in_flight,
        at_deadline=rule.at_deadline,
        last_standing=rule.last_standing,
        on_release=rule.on_release,
    )
