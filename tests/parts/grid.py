"""What Azure Event Grid posts, as its pages show it (reference scheduled-events §1.11), in both schemas."""

from collections.abc import Mapping
from itertools import count
from typing import Any, Final

import msgspec

Json = dict[str, Any]

EMITTED: Final = "Microsoft.ResourceNotifications.MaintenanceResources.ScheduledEventEmitted"
WRITE: Final = "microsoft.maintenance/scheduledevents/write"
GROUP_ID: Final = "/subscriptions/0000/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/db"
EVENT: Final = "3da1b9aa-5204-4335-8c33-c54e315dcffe"
AT: Final = "2026-04-20T12:00:00.9584103Z"
_numbers = count(1)


def properties(status: str, *resources: str, **more: object) -> Json:
    """Return the fields of a scheduled event, as the metadata service has them and one more."""
    fields: Json = {
        "DurationInSeconds": -1,
        "Description": "Virtual machine is going to be deleted.",
        "EventId": EVENT,
        "EventSource": "User",
        "EventStatus": status,
        "EventType": "Terminate",
        "NotBefore": "Mon, 20 Apr 2026 12:15:00 GMT" if status == "Scheduled" else "",
        "Resources": list(resources or ("db-0",)),
        "ResourceType": "VirtualMachine",
        "ScheduledEventApiVersion": "2020-07-01",
    }
    return {**fields, **more}


def data(fields: Mapping[str, object], place: str = GROUP_ID) -> Json:
    """Return what an envelope carries."""
    identity = f"{place}/providers/microsoft.maintenance/scheduledevents/{fields['EventId']}"
    kind = "microsoft.maintenance/scheduledEvents"
    info = {"id": identity, "name": fields["EventId"], "type": kind, "location": "eastus"}
    return {"resourceInfo": {**info, "properties": dict(fields)}, "apiVersion": "2024-07-01"}


def grid_event(status: str, *resources: str, kind: str = EMITTED, envelope: str = "", **more: object) -> Json:
    """Return an event in Event Grid's own schema, in an envelope of its own unless given."""
    fields = properties(status, *resources, **more)
    return {
        "id": envelope or f"envelope-{next(_numbers)}",
        "topic": "/subscriptions/0000",
        "subject": data(fields)["resourceInfo"]["id"],
        "data": data(fields),
        "eventType": kind,
        "dataVersion": "3.0",
        "metadataVersion": "1",
        "eventTime": AT,
    }


def cloud_event(status: str, *resources: str, kind: str = EMITTED, at: str = AT, **more: object) -> Json:
    """Return the same as a CloudEvent 1.0, of an instant."""
    fields = properties(status, *resources, **more)
    return {
        "specversion": "1.0",
        "id": f"envelope-{next(_numbers)}",
        "source": "/subscriptions/0000",
        "subject": data(fields)["resourceInfo"]["id"],
        "type": kind,
        "time": at,
        "data": data(fields),
    }


def validation(code: str) -> Json:
    """Return what Event Grid posts to learn whether an endpoint wants its events."""
    return {
        "id": "2d1781af-3a4c-4d7c-bd0c-e34b19da4e66",
        "topic": "/subscriptions/0000",
        "subject": "",
        "data": {"validationCode": code, "validationUrl": "https://rp.eventgrid.example:553/validate?id=1"},
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": "2026-04-20T12:00:00Z",
        "metadataVersion": "1",
        "dataVersion": "1",
    }


def body(*events: Json) -> bytes:
    """Return a batch as it is posted."""
    return msgspec.json.encode(list(events))
