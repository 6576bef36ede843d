"""Microsoft's client 2.0.0, unmodified, at work on a server: prints what it was told as JSON.

It speaks hh:mm:ss only. Runs in an environment of its own (.ci/azure-clients): `python judge_2.py URL PFX`.
"""

import datetime
import json
import sys
import time
from typing import Any

from azure.mgmt.scheduler import SchedulerManagementClient
from azure.mgmt.scheduler import models as m
from msrest.authentication import BasicTokenAuthentication
from msrestazure.azure_exceptions import CloudError

GROUP = "rg"
START = datetime.datetime(2026, 6, 1, 9, 30, tzinfo=datetime.UTC)


class Judge:
    """Calls operations and notes what came of each."""

    def __init__(self, url: str) -> None:
        """Judge the server at an address."""
        self.client = SchedulerManagementClient(BasicTokenAuthentication({"access_token": "x"}), "sub-1", base_url=url)
        self.client.config.long_running_operation_timeout = 0
        self.notes: dict[str, Any] = {}

    def ask(self, note: str, operation: str, *arguments: Any, **options: Any) -> Any:
        """Call `group.operation` and keep the answer, or the error, under `note`."""
        group, _, name = operation.partition(".")
        try:
            answer = getattr(getattr(self.client, group), name)(*arguments, **options)
            if hasattr(answer, "result"):
                answer = answer.result()
            elif hasattr(answer, "advance_page"):
                answer = list(answer)
        except CloudError as fault:
            answer = {
                "error": "CloudError",
                "status": fault.status_code,
                "code": fault.error.error,
                "message": fault.message,
            }
        self.notes[note] = plain(answer)
        return answer

    def history_of(self, note: str, job: str) -> None:
        """Keep a job's history once it has any."""
        for _ in range(200):
            if self.ask(note, "jobs.list_job_history", GROUP, "jc", job):
                return
            time.sleep(0.02)


def plain(answer: Any) -> Any:
    """Return models as the client has read them."""
    if isinstance(answer, list):
        return [plain(item) for item in answer]
    return answer.as_dict() if hasattr(answer, "as_dict") else answer


def a_job(interval: datetime.timedelta, **more: Any) -> Any:
    """Return the properties (this client wraps them itself) of a job whose attempts are repeated `interval` apart."""
    policy = m.RetryPolicy(retry_type="Fixed", retry_interval=interval, retry_count=2)
    request = m.HttpRequest(uri="http://db-0/tick", method="GET")
    action = m.JobAction(type=m.JobActionType.http, request=request, retry_policy=policy)
    return m.JobProperties(start_time=START, action=action, **more)


def other_actions(pfx: str) -> dict[str, Any]:
    """Return an action of each kind that holds a secret."""
    bus = {
        "authentication": m.ServiceBusAuthentication(sas_key="canary-key", sas_key_name="n", type="SharedAccessKey"),
        "brokered_message_properties": m.ServiceBusBrokeredMessageProperties(
            label="l", time_to_live=datetime.timedelta(hours=1)
        ),
        "message": "hello",
        "namespace": "space1",
        "transport_type": "NetMessaging",
    }
    queue = m.StorageQueueMessage(
        storage_account="account1", queue_name="orders", sas_token="sv=1&sig=canary-token", message="hello"
    )
    found = {
        "storage": m.JobAction(type=m.JobActionType.storage_queue, queue_message=queue),
        "queue": m.JobAction(
            type=m.JobActionType.service_bus_queue,
            service_bus_queue_message=m.ServiceBusQueueMessage(queue_name="orders", **bus),
        ),
        "topic": m.JobAction(
            type=m.JobActionType.service_bus_topic,
            service_bus_topic_message=m.ServiceBusTopicMessage(topic_path="orders", **bus),
        ),
    }
    for kind, authentication in {
        "basic": m.BasicAuthentication(username="u", password="canary-password"),
        "certificate": m.ClientCertAuthentication(pfx=pfx, password="pfx-password"),
        "oauth": m.OAuthAuthentication(secret="canary-secret", tenant="t", audience="a", client_id="c"),
    }.items():
        request = m.HttpRequest(uri="https://api.test/tick", method="POST", authentication=authentication)
        found[kind] = m.JobAction(type=m.JobActionType.https, request=request)
    return found


def secrets(judge: Judge, pfx: str) -> None:
    """Jobs with secrets of every kind: made, read, and patched with what was read."""
    for kind, action in other_actions(pfx).items():
        job = m.JobProperties(start_time=START, action=action)
        judge.ask(f"{kind} made", "jobs.create_or_update", GROUP, "jc", kind, job)
        read = judge.ask(f"{kind} got", "jobs.get", GROUP, "jc", kind)
        judge.ask(f"{kind} patched", "jobs.patch", GROUP, "jc", kind, read.properties)


def main(url: str, pfx: str) -> None:
    """Do everything, then print the notes; `pfx` is a certificate in base64, its password `pfx-password`."""
    judge = Judge(url)
    collection = m.JobCollectionDefinition(
        location="westus", properties=m.JobCollectionProperties(sku=m.Sku(name=m.SkuDefinition.standard))
    )
    judge.ask("collection created", "job_collections.create_or_update", GROUP, "jc", collection)
    judge.ask("collection got", "job_collections.get", GROUP, "jc")
    judge.ask("collection patched", "job_collections.patch", GROUP, "jc", m.JobCollectionDefinition(tags={"a": "1"}))
    judge.ask("collections of the group", "job_collections.list_by_resource_group", GROUP)
    judge.ask("collections of the subscription", "job_collections.list_by_subscription")
    judge.ask("disabled", "job_collections.disable", GROUP, "jc")
    judge.ask("enabled", "job_collections.enable", GROUP, "jc")
    judge.ask("after enabling", "job_collections.get", GROUP, "jc")
    weekly = m.JobRecurrence(
        frequency=m.RecurrenceFrequency.week,
        schedule=m.JobRecurrenceSchedule(week_days=[m.DayOfWeek.monday], hours=[5], minutes=[0]),
    )
    job = a_job(datetime.timedelta(minutes=1), recurrence=weekly)
    judge.ask("job created", "jobs.create_or_update", GROUP, "jc", "hello", job)
    judge.ask("job of days", "jobs.create_or_update", GROUP, "jc", "days", a_job(datetime.timedelta(hours=36)))
    change = m.JobProperties(recurrence=m.JobRecurrence(interval=2))
    judge.ask("job patched", "jobs.patch", GROUP, "jc", "hello", change)
    judge.ask("job got", "jobs.get", GROUP, "jc", "hello")
    judge.ask("jobs in pages", "jobs.list", GROUP, "jc", top=1)
    secrets(judge, pfx)
    judge.ask("run", "jobs.run", GROUP, "jc", "hello")
    judge.history_of("history", "hello")
    judge.ask("job deleted", "jobs.delete", GROUP, "jc", "hello")
    judge.ask("no job", "jobs.get", GROUP, "jc", "hello")
    judge.ask("collection deleted", "job_collections.delete", GROUP, "jc")
    judge.ask("no collection", "job_collections.get", GROUP, "jc")
    json.dump(judge.notes, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
