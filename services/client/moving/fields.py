"""The fields of collections and jobs by name: how they are spelled, which are read only, which hold what."""

from collections.abc import Mapping
from typing import Any

_MAINTENANCE = (
    *("maintenance", "strategy", "leadTime", "inFlight", "atDeadline", "lastStanding", "onRelease"),
    *("byType", "bySource", "byDuration", "upTo"),
)
COLLECTION_FIELDS = (
    *("sku", "name", "state"),
    *("quota", "maxJobCount", "maxJobOccurrence", "maxRecurrence", "frequency", "interval"),
    *_MAINTENANCE,
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
    *("sasKey", "sasKeyName", "webhookSecret", "webhookSigned"),
)
_MESSAGES = (
    *("storageAccount", "queueName", "sasToken", "message", "topicPath", "namespace", "transportType"),
    *("customMessageProperties", "brokeredMessageProperties"),
    *("contentType", "correlationId", "forcePersistence", "label", "messageId", "partitionKey", "replyTo"),
    *("replyToSessionId", "scheduledEnqueueTimeUtc", "sessionId", "timeToLive", "to", "viaPartitionKey"),
)
_OWN_JOB = (
    *("placement", "pool", "host", "choice", *_MAINTENANCE, "cancel"),
    *("overlap", "catchUp", "catchUpWindow", "timeout", "flexibleWindow", "tags"),
    *("timeZone", "cron", "maxInterval", "mqttMessage", "topic", "payload", "qos", "retain"),
    *("responseTopic", "correlationData", "messageExpiry", "userProperties"),
)
JOB_FIELDS = (*_AZURE_JOB, *_AUTHENTICATION, *_MESSAGES, *_OWN_JOB)

_OF_CERTIFICATES = (
    *("certificateThumbprint", "certificateSubjectName", "certificateExpirationDate", "certificateExpiration"),
)
READ_ONLY = frozenset({"id", "status", "resolved", "createdAt", "updatedAt", *_OF_CERTIFICATES})
FREE_FORM = frozenset({"body", "headers", "tags", "customMessageProperties", "userProperties"})
"""What is the caller's own, names and all."""
BY_NAME = frozenset({"byType", "bySource"})
"""Whose names are the provider's, the values ordinary fields."""
DURATIONS = frozenset(
    {
        *("retryInterval", "maxInterval", "leadTime", "upTo", "catchUpWindow", "timeout", "flexibleWindow"),
        *("timeToLive", "messageExpiry"),
    }
)
TIMES = frozenset({"startTime", "endTime", "scheduledEnqueueTimeUtc"})

SECRETS = {
    "basic": ("password",),
    "clientcertificate": ("pfx", "password"),
    "activedirectoryoauth": ("secret",),
}
"""What nobody gives back, by the lower-cased type of a request's `authentication` (reference §1.7)."""
QUEUE_SECRET = "sasToken"  # noqa: S105 - the name of a field
BUS_SECRET = "sasKey"  # noqa: S105 - the name of a field
SIGNING_SECRET, SIGNED = "webhookSecret", "webhookSigned"
"""What signs a request, and the sign in replies that something does."""


def part(document: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """Return the object at a path; an empty one when there is none, or something else."""
    place: Any = document
    for name in path:
        place = place.get(name) if isinstance(place, Mapping) else None
    return place if isinstance(place, dict) else {}
