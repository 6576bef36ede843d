"""What the page says about a job: when, where and what it calls, in a few plain words."""

from urllib.parse import urlsplit

from services.scheduler.domain.actions import ActionKind, Call, HttpCall, MqttCall, StorageQueueCall
from services.scheduler.domain.jobs import JobDefinition
from services.scheduler.domain.recurrence import Recurrence


def schedule_words(definition: JobDefinition) -> str:
    """Return the job's rule: `every 2 seconds`, `cron 0 5 * * *`, `once`."""
    rule = definition.recurrence
    return "once" if rule is None else _rule_words(rule)


def _rule_words(rule: Recurrence) -> str:
    if rule.cron is not None:
        words = f"cron {rule.cron}"
    else:
        unit = rule.frequency.value.lower() if rule.frequency else "minute"
        words = f"every {unit}" if rule.interval == 1 else f"every {rule.interval} {unit}s"
        words += ", by schedule" if rule.schedule is not None else ""
    return f"{words}, {rule.time_zone}" if rule.time_zone else words


def place_words(definition: JobDefinition) -> str:
    """Return where the job may run: `db-0, else pool db`, `pool db`, `db-0`, or `by address`."""
    placement = definition.placement
    if placement is None:
        return "by address"
    pool = f"pool {placement.pool}" if placement.pool else ""
    if placement.host:
        return f"{placement.host}, else {pool}" if pool else placement.host
    return pool or "by address"


def target_words(call: Call) -> str:
    """Return what a call is aimed at, such as `GET http://db-0/backup` or `queue orders at account`."""
    match call:
        case HttpCall():
            return _request_words(call)
        case StorageQueueCall():
            return f"queue {call.queue} of {call.account}"
        case MqttCall():
            return f"topic {call.topic}"
        case _:
            kind = "queue" if call.kind is ActionKind.SERVICE_BUS_QUEUE else "topic"
            return f"{kind} {call.entity} of {call.namespace}"


def _request_words(call: HttpCall) -> str:
    """Return method and address, without user, password, query or fragment: those may hold secrets."""
    try:
        parts = urlsplit(call.uri)
    except ValueError:
        return call.method
    return f"{call.method} {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
