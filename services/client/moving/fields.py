"""The fields of collections and jobs by name: how they are spelled, which are read only, which hold what."""

from collections.abc import Mapping
from typing import Any

COLLECTION_FIELDS = (
    *("sku", "name", "state"),
    *("quota", "maxJobCount", "maxJobOccurrence", "maxRecurrence", "frequency", "interval"),
)
_AZURE_JOB = (
    *("startTime", "action", "recurrence", "state"),
    *("type", "request", "retryPolicy", "errorAction"),
    *("queueMessage", "serviceBusQueueMessage", "serviceBusTopicMessage"),
    *("uri", "method", "headers", "body", "authentication"),
    *("retryType", "retryInterval", "retryCount"),
    *("frequency", "interval", "count", "endTime", "schedule"),
    *("minutes", "hours", "weekDays", "monthDays", "monthlyOccurrences", "day", "Occurrence", "months"),
)
_AUTHENTICATION = (
    *("username", "password", "pfx", "secret", "tenant", "audience", "clientId"),
    *("certificateThumbprint", "certificateSubjectName", "certificateExpirationDate", "certificateExpiration"),
    *("sasKey", "sasKeyName"),
)
_MESSAGES = (
    *("storageAccount", "queueName", "sasToken", "message", "topicPath", "namespace", "transportType"),
    *("customMessageProperties", "brokeredMessageProperties"),
)
_OWN_JOB = (
    *("placement", "pool", "host"),
    *("maintenance", "strategy", "leadTime", "inFlight", "onRelease", "byType"),
    *("overlap", "catchUp", "catchUpWindow", "timeout", "flexibleWindow", "tags"),
    *("timeZone", "cron", "maxInterval", "mqttMessage", "topic", "payload", "qos", "retain"),
)
JOB_FIELDS = (*_AZURE_JOB, *_AUTHENTICATION, *_MESSAGES, *_OWN_JOB)

READ_ONLY = frozenset({"id", "status", "createdAt", "updatedAt"})
FREE_FORM = frozenset({"body", "headers", "tags", "customMessageProperties", "brokeredMessageProperties"})
"""What is the caller's own, names and all."""
DURATIONS = frozenset({"retryInterval", "maxInterval", "leadTime", "catchUpWindow", "timeout", "flexibleWindow"})
TIMES = frozenset({"startTime", "endTime"})

SECRETS = {
    "basic": ("password",),
    "clientcertificate": ("pfx", "password"),
    "activedirectoryoauth": ("secret",),
    "sharedaccesskey": ("sasKey",),
}
"""What Azure never gave back, by the lower-cased type of an `authentication` (reference §1.7)."""
QUEUE_SECRET = "sasToken"  # noqa: S105 - the name of a field


def part(document: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """Return the object at a path; an empty one when there is none, or something else."""
    place: Any = document
    for name in path:
        place = place.get(name) if isinstance(place, Mapping) else None
    return place if isinstance(place, dict) else {}
