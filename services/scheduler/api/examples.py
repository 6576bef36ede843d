"""An example of each body that callers send, for the description of the API; a test sends every one of them."""

from typing import Any

from services.scheduler.api.arm.envelopes import ArmCollection, ArmJob
from services.scheduler.api.arm.groups import GroupDocument
from services.scheduler.api.batch_handlers import BatchDocument
from services.scheduler.api.schemas.collections import CollectionDocument
from services.scheduler.api.schemas.fleet import CordonDocument, EmptyDocument
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.rehearsals import RehearsalDocument
from services.scheduler.api.schemas.values import Document

_QUOTA = {"maxJobCount": 20, "maxRecurrence": {"frequency": "minute", "interval": 5}}
_REQUEST = {
    "uri": "http://db-0:8080/compact",
    "method": "POST",
    "headers": {"Content-Type": "application/json"},
    "body": '{"deep": true}',
}
_WEEKDAYS = {
    "frequency": "week",
    "interval": 1,
    "schedule": {"weekDays": ["monday", "thursday"], "hours": [5], "minutes": [0, 30]},
}
_ACTION = {
    "type": "Http",
    "request": _REQUEST,
    "retryPolicy": {"retryType": "fixed", "retryInterval": "PT1M", "retryCount": 3},
    "errorAction": {"type": "Https", "request": {"uri": "https://pager.example/alert", "method": "POST"}},
}
_NIGHTLY = {
    "action": {
        "type": "Http",
        "request": {**_REQUEST, "uri": "http://{host}:8080/compact"},
        "retryPolicy": {"retryType": "Exponential", "retryInterval": "PT1M", "maxInterval": "PT30M"},
    },
    "recurrence": {"cron": "30 2 * * *", "timeZone": "Europe/Berlin"},
    "placement": {"pool": "db", "choice": "Sticky"},
    "maintenance": {
        "strategy": "Reroute",
        "leadTime": "auto",
        "atDeadline": "Move",
        "lastStanding": "RunOnLeastUrgent",
        "byType": {"Preempt": {"inFlight": "Cancel"}},
        "cancel": {"request": {"method": "POST", "uri": "http://{host}:8080/compact/stop"}},
    },
    "timeout": "PT5M",
    "flexibleWindow": "PT10M",
    "tags": {"team": "storage"},
}
_POLICY = {
    "leadTime": "PT10M",
    "bySource": {"User": {"leadTime": "auto"}},
    "byDuration": [{"upTo": "PT10S", "strategy": "Ignore"}],
}
_API = {"uri": "https://api.example/tick", "method": "POST"}
_OAUTH = {
    "type": "ActiveDirectoryOAuth",
    "tenant": "contoso.com",
    "clientId": "9a2f6d7e-0000-4000-8000-000000000000",
    "secret": "secretref:file:client-secret",
    "audience": "https://api.example/",
}
_TO_BUS = {
    "namespace": "contoso",
    "authentication": {"type": "SharedAccessKey", "sasKeyName": "sender", "sasKey": "bm90IGEga2V5"},
    "transportType": "NetMessaging",
    "message": "tick",
    "brokeredMessageProperties": {"label": "tick", "timeToLive": "PT1H"},
}
_ACTIONS: dict[str, dict[str, Any]] = {
    "basic authentication": {
        "type": "Https",
        "request": {**_API, "authentication": {"type": "Basic", "username": "leeward", "password": "not a password"}},
    },
    "OAuth": {"type": "Https", "request": {**_API, "authentication": _OAUTH}},
    "storage queue": {
        "type": "StorageQueue",
        "queueMessage": {
            "storageAccount": "contoso",
            "queueName": "orders",
            "sasToken": "sv=2019-02-02&sp=a&sig=bm90IGEgc2lnbmF0dXJl",
            "message": "tick",
        },
    },
    "service bus queue": {"type": "ServiceBusQueue", "serviceBusQueueMessage": {**_TO_BUS, "queueName": "orders"}},
    "service bus topic": {"type": "ServiceBusTopic", "serviceBusTopicMessage": {**_TO_BUS, "topicPath": "orders"}},
    "MQTT": {"type": "Mqtt", "mqttMessage": {"topic": "plant/tick", "payload": "{}", "qos": 1}},
}

EXAMPLES: dict[type[Document], dict[str, Any]] = {
    CollectionDocument: {
        "sku": {"name": "Standard"},
        "quota": _QUOTA,
        "maintenance": _POLICY,
        "tags": {"team": "storage"},
    },
    JobDocument: _NIGHTLY,
    BatchDocument: {"value": [{"name": "nightly", **_NIGHTLY}, {"name": "hello", "action": {"request": _REQUEST}}]},
    CordonDocument: {"reason": "disks are being replaced", "until": "2030-01-31T18:00:00Z"},
    EmptyDocument: {},
    RehearsalDocument: {
        "type": "Reboot",
        "hosts": ["db-0"],
        "noticeSeconds": 60,
        "durationSeconds": 30,
        "description": "before the quarter's end",
    },
    ArmCollection: {
        "location": "West US",
        "tags": {"team": "storage"},
        "properties": {"sku": {"name": "Standard"}, "state": "Enabled", "quota": _QUOTA},
    },
    ArmJob: {"properties": {"startTime": "2026-06-01T09:30:00Z", "action": _ACTION, "recurrence": _WEEKDAYS}},
    GroupDocument: {"location": "westus", "tags": {"team": "storage"}},
}

MORE_EXAMPLES: dict[type[Document], dict[str, dict[str, Any]]] = {
    JobDocument: {name: {"action": action} for name, action in _ACTIONS.items()},
    ArmJob: {name: {"properties": {"action": action}} for name, action in _ACTIONS.items()},
}
"""Further bodies, by what they show."""
