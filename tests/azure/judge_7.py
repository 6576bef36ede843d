"""Microsoft's client 7.0.0, unmodified, at work on a server: prints what it was told as JSON.

Runs in an environment of its own (.ci/azure-clients): `python judge_7.py sync|aio URL [TARGET [PFX]]`. With a target,
which answers at /work and fails at /fail, jobs are really run there and nothing else is done.
"""

import asyncio
import datetime
import inspect
import json
import sys
import time
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.scheduler import models as m

GROUP = "rg"
START = datetime.datetime(2026, 6, 1, 9, 30, tzinfo=datetime.UTC)
SHARED_KEY = "SharedAccessKey"
END = datetime.datetime(2029, 1, 1, tzinfo=datetime.UTC)


class Credential:
    """Gives a token that nobody looks at."""

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """Return the token."""
        return AccessToken("dev-token", int(time.time()) + 3600)


class PlainBearer(SansIOHTTPPolicy):  # type: ignore[type-arg]
    """Sends the token over plain HTTP, which the stock policy refuses."""

    def on_request(self, request: Any) -> None:
        """Add the header."""
        request.http_request.headers["Authorization"] = "Bearer dev-token"


def client_for(flavour: str, url: str) -> Any:
    """Return the synchronous or the asynchronous client."""
    if flavour == "aio":
        from azure.mgmt.scheduler.aio import SchedulerManagementClient
    else:
        from azure.mgmt.scheduler import SchedulerManagementClient
    return SchedulerManagementClient(
        Credential(), "sub-1", base_url=url, authentication_policy=PlainBearer(), polling_interval=0.01
    )


class Judge:
    """Calls operations and notes what came of each."""

    def __init__(self, client: Any) -> None:
        """Judge with a client of either kind."""
        self.client = client
        self.notes: dict[str, Any] = {}

    async def ask(self, note: str, operation: str, *arguments: Any, **options: Any) -> Any:
        """Call `group.operation` and keep the answer, or the error, under `note`."""
        group, _, name = operation.partition(".")
        try:
            answer = await settled(getattr(getattr(self.client, group), name)(*arguments, **options))
        except AzureError as fault:
            error = getattr(fault, "error", None)
            answer = {
                "error": type(fault).__name__,
                "status": getattr(fault, "status_code", None),
                "code": getattr(error, "code", None),
                "message": getattr(error, "message", None),
            }
        self.notes[note] = plain(answer)
        return answer

    async def history_of(self, note: str, job: str, rows: int = 1) -> None:
        """Keep a job's history once it has so many rows."""
        for _ in range(500):
            if len(await self.ask(note, "jobs.list_job_history", GROUP, "jc", job)) >= rows:
                return
            await asyncio.sleep(0.02)


async def settled(answer: Any) -> Any:
    """Return the outcome of a call of either client: pollers finished, pages read to the end."""
    if inspect.isawaitable(answer):
        answer = await answer
    if hasattr(answer, "result"):
        answer = answer.result()
        return await answer if inspect.isawaitable(answer) else answer
    if hasattr(answer, "__aiter__"):
        return [item async for item in answer]
    return list(answer) if hasattr(answer, "by_page") else answer


def plain(answer: Any) -> Any:
    """Return models as the client has read them."""
    if isinstance(answer, list):
        return [plain(item) for item in answer]
    return answer.as_dict() if hasattr(answer, "as_dict") else answer


def http_action(**more: Any) -> Any:
    """Return an action that makes a POST."""
    request = m.HttpRequest(
        uri="http://db-0/tick", method="POST", body="{}", headers={"Content-Type": "application/json"}
    )
    return m.JobAction(type="Http", request=request, **more)


def full_job() -> Any:
    """Return a job with every field that this version takes."""
    return m.JobDefinition(
        properties=m.JobProperties(
            start_time=START,
            state="Enabled",
            action=http_action(
                retry_policy=m.RetryPolicy(
                    retry_type="Fixed", retry_interval=datetime.timedelta(minutes=1), retry_count=2
                ),
                error_action=m.JobErrorAction(
                    type="Https",
                    request=m.HttpRequest(uri="https://db-1/failed", method="PUT"),
                    retry_policy=m.RetryPolicy(retry_type="None"),
                ),
            ),
            recurrence=m.JobRecurrence(
                frequency="Month",
                interval=2,
                count=10,
                end_time=END,
                schedule=m.JobRecurrenceSchedule(
                    hours=[5, 17],
                    minutes=[0, 30],
                    month_days=[1, -1],
                    monthly_occurrences=[m.JobRecurrenceScheduleMonthlyOccurrence(day="Friday", occurrence=-1)],
                ),
            ),
        )
    )


def weekly_job() -> Any:
    """Return a job that recurs by days of the week."""
    return m.JobDefinition(
        properties=m.JobProperties(
            start_time=START,
            action=http_action(),
            recurrence=m.JobRecurrence(
                frequency="Week", schedule=m.JobRecurrenceSchedule(week_days=["Monday", "friday"])
            ),
        )
    )


def later_job(**more: Any) -> Any:
    """Return a job that is due once, long after the judge has gone."""
    return m.JobDefinition(properties=m.JobProperties(start_time=START, action=http_action(), **more))


async def collections(judge: Judge) -> None:
    """Everything about collections."""
    quota = m.JobCollectionQuota(
        max_job_count=20, max_job_occurrence=10, max_recurrence=m.JobMaxRecurrence(frequency="Minute", interval=5)
    )
    properties = m.JobCollectionProperties(sku=m.Sku(name="Standard"), state="Enabled", quota=quota)
    whole = m.JobCollectionDefinition(name="full", location="westus", tags={"team": "ops"}, properties=properties)
    await judge.ask("collection created", "job_collections.create_or_update", GROUP, "full", whole)
    await judge.ask("collection updated", "job_collections.create_or_update", GROUP, "full", whole)
    bare = m.JobCollectionDefinition(location="South Central US")
    await judge.ask("bare collection", "job_collections.create_or_update", GROUP, "jc", bare)
    await judge.ask("collection got", "job_collections.get", GROUP, "FULL")
    change = m.JobCollectionDefinition(tags={"a": "1"})
    await judge.ask("collection patched", "job_collections.patch", GROUP, "full", change)
    await judge.ask("collection in another group", "job_collections.create_or_update", "rg-2", "jc", bare)
    await judge.ask("collections of the group", "job_collections.list_by_resource_group", GROUP)
    await judge.ask("collections of the subscription", "job_collections.list_by_subscription")
    await judge.ask("disabled", "job_collections.begin_disable", GROUP, "full")
    await judge.ask("after disabling", "job_collections.get", GROUP, "full")
    await judge.ask("enabled", "job_collections.begin_enable", GROUP, "full")
    await judge.ask("after enabling", "job_collections.get", GROUP, "full")
    await judge.ask("collection deleted", "job_collections.begin_delete", GROUP, "full")
    await judge.ask("after deleting", "job_collections.get", GROUP, "full")


async def jobs(judge: Judge) -> None:
    """Everything about jobs."""
    await judge.ask("job created", "jobs.create_or_update", GROUP, "jc", "full", full_job())
    await judge.ask("job updated", "jobs.create_or_update", GROUP, "jc", "full", full_job())
    await judge.ask("job got", "jobs.get", GROUP, "jc", "full")
    await judge.ask("weekly job", "jobs.create_or_update", GROUP, "jc", "weekly", weekly_job())
    change = m.JobDefinition(properties=m.JobProperties(recurrence=m.JobRecurrence(frequency="Month", interval=3)))
    await judge.ask("job patched", "jobs.patch", GROUP, "jc", "full", change)
    off = m.JobDefinition(properties=m.JobProperties(state="Disabled"))
    await judge.ask("job disabled", "jobs.patch", GROUP, "jc", "weekly", off)
    growing = http_action(retry_policy=m.RetryPolicy(retry_type="Exponential", retry_count=7))
    patient = m.JobDefinition(properties=m.JobProperties(start_time=START, action=growing))
    await judge.ask("patient job", "jobs.create_or_update", GROUP, "jc", "patient", patient)
    read = await judge.ask("patient job got", "jobs.get", GROUP, "jc", "patient")
    await judge.ask("patient job put back", "jobs.create_or_update", GROUP, "jc", "patient", read)
    await judge.ask("job replaced", "jobs.create_or_update", GROUP, "jc", "full", later_job(state="Disabled"))
    await judge.ask("percent-encoded job", "jobs.create_or_update", GROUP, "jc", "a/b", later_job())
    await judge.ask("job of odd name", "jobs.create_or_update", GROUP, "jc", "a.b-c_d", later_job())
    await judge.ask("job deleted", "jobs.delete", GROUP, "jc", "a.b-c_d")
    await judge.ask("deleted twice", "jobs.delete", GROUP, "jc", "a.b-c_d")


async def runs(judge: Judge) -> None:
    """Run, status and history."""
    await judge.ask("job to run", "jobs.create_or_update", GROUP, "jc", "runner", later_job())
    await judge.ask("run", "jobs.run", GROUP, "jc", "runner")
    await judge.history_of("history", "runner")
    await judge.ask("history completed", "jobs.list_job_history", GROUP, "jc", "runner", filter="status eq Completed")
    await judge.ask(
        "history failed", "jobs.list_job_history", GROUP, "jc", "runner", top=5, filter="status eq 'failed'"
    )
    await judge.ask("after running", "jobs.get", GROUP, "jc", "runner")


async def pages(judge: Judge) -> None:
    """Lists in pages and by filter."""
    wide = m.JobCollectionDefinition(
        location="westus", properties=m.JobCollectionProperties(sku=m.Sku(name="P20Premium"))
    )
    await judge.ask("wide collection", "job_collections.create_or_update", GROUP, "wide", wide)
    for number in range(7):
        state = "Disabled" if number % 2 else "Enabled"
        await judge.ask("one of many", "jobs.create_or_update", GROUP, "wide", f"job-{number}", later_job(state=state))
    await judge.ask("all jobs", "jobs.list", GROUP, "wide")
    await judge.ask("jobs in pages", "jobs.list", GROUP, "wide", top=3)
    await judge.ask("jobs from the sixth", "jobs.list", GROUP, "wide", top=3, skip=5)
    await judge.ask("disabled jobs", "jobs.list", GROUP, "wide", top=2, filter="state eq Disabled")
    await judge.ask("too large a page", "jobs.list", GROUP, "wide", top=500)
    await judge.ask("odd filter", "jobs.list", GROUP, "wide", filter="name eq 'x'")


async def refusals(judge: Judge) -> None:
    """What is refused, and what each refusal is to the client."""
    await judge.ask("no collection", "job_collections.get", GROUP, "TestJobCollection")
    await judge.ask("no job", "jobs.get", GROUP, "jc", "nobody")
    await judge.ask("no action", "jobs.create_or_update", GROUP, "jc", "x", m.JobDefinition())
    often = later_job(recurrence=m.JobRecurrence(frequency="Minute", interval=5))
    free = m.JobCollectionDefinition(location="westus", properties=m.JobCollectionProperties(sku=m.Sku(name="Free")))
    await judge.ask("free collection", "job_collections.create_or_update", GROUP, "free", free)
    await judge.ask("second free collection", "job_collections.create_or_update", GROUP, "free-2", free)
    await judge.ask("too often", "jobs.create_or_update", GROUP, "free", "x", often)
    evil = m.StorageQueueMessage(storage_account="evil.test/", queue_name="orders", sas_token="sig=x", message="m")
    job = m.JobDefinition(
        properties=m.JobProperties(action=m.JobAction(type="StorageQueue", queue_message=evil), start_time=START)
    )
    await judge.ask("account of a URL", "jobs.create_or_update", GROUP, "jc", "x", job)
    await judge.ask("after refusals", "jobs.get", GROUP, "jc", "x")


def authenticated(authentication: Any) -> Any:
    """Return an action whose request authenticates."""
    request = m.HttpRequest(uri="https://api.test/tick", method="POST", authentication=authentication)
    return m.JobAction(type="Https", request=request)


def other_actions(pfx: str) -> dict[str, Any]:
    """Return an action of each kind that holds a secret."""
    bus = {
        "authentication": m.ServiceBusAuthentication(sas_key="canary-key", sas_key_name="sender", type=SHARED_KEY),
        "brokered_message_properties": m.ServiceBusBrokeredMessageProperties(
            content_type="text/plain",
            correlation_id="c",
            force_persistence=True,
            label="l",
            message_id="m",
            partition_key="s",
            reply_to="r",
            reply_to_session_id="rs",
            scheduled_enqueue_time_utc=START,
            session_id="s",
            time_to_live=datetime.timedelta(hours=1),
            to="t",
            via_partition_key="v",
        ),
        "custom_message_properties": {"a": "b"},
        "message": "hello",
        "namespace": "space1",
    }
    queue = m.StorageQueueMessage(
        storage_account="account1", queue_name="orders", sas_token="sv=1&sig=canary-token", message="hello"
    )
    to_queue = m.ServiceBusQueueMessage(queue_name="orders", transport_type="AMQP", **bus)
    to_topic = m.ServiceBusTopicMessage(topic_path="orders/eu", transport_type="NetMessaging", **bus)
    oauth = m.OAuthAuthentication(secret="canary-secret", tenant="t", audience="a", client_id="c")
    return {
        "basic": authenticated(m.BasicAuthentication(username="u", password="canary-password")),
        "certificate": authenticated(m.ClientCertAuthentication(pfx=pfx, password="pfx-password")),
        "oauth": authenticated(oauth),
        "storage": m.JobAction(type="StorageQueue", queue_message=queue),
        "queue": m.JobAction(type="ServiceBusQueue", service_bus_queue_message=to_queue),
        "topic": m.JobAction(type="ServiceBusTopic", service_bus_topic_message=to_topic),
    }


async def secrets(judge: Judge, pfx: str) -> None:
    """Jobs with secrets of every kind: made, read, patched with what was read, and put back without the secret."""
    found = other_actions(pfx)
    for kind, action in found.items():
        job = m.JobDefinition(properties=m.JobProperties(start_time=START, action=action))
        await judge.ask(f"{kind} made", "jobs.create_or_update", GROUP, "jc", kind, job)
        read = await judge.ask(f"{kind} got", "jobs.get", GROUP, "jc", kind)
        await judge.ask(f"{kind} patched", "jobs.patch", GROUP, "jc", kind, read)
        await judge.ask(f"{kind} put back", "jobs.create_or_update", GROUP, "jc", kind, read)
    error = m.JobErrorAction(type="ServiceBusTopic", service_bus_topic_message=found["topic"].service_bus_topic_message)
    both = m.JobAction(type="StorageQueue", queue_message=found["storage"].queue_message, error_action=error)
    job = m.JobDefinition(properties=m.JobProperties(start_time=START, action=both))
    await judge.ask("two kinds", "jobs.create_or_update", GROUP, "jc", "two-kinds", job)


def calling(uri: str, **more: Any) -> Any:
    """Return a job that calls an address once, now."""
    action = m.JobAction(type="Http", request=m.HttpRequest(uri=uri, method="GET"), **more)
    return m.JobDefinition(properties=m.JobProperties(action=action))


async def at_work(judge: Judge, target: str) -> None:
    """Jobs that are really run: one that goes well, and one that does not and has an error action."""
    await judge.ask("collection", "job_collections.create_or_update", GROUP, "jc", m.JobCollectionDefinition())
    await judge.ask("well", "jobs.create_or_update", GROUP, "jc", "well", calling(f"{target}/work"))
    await judge.history_of("history of well", "well", 1)
    await judge.ask("well", "jobs.get", GROUP, "jc", "well")
    error_action = m.JobErrorAction(type="Http", request=m.HttpRequest(uri=f"{target}/alert", method="GET"))
    badly = calling(f"{target}/fail", retry_policy=m.RetryPolicy(retry_type="None"), error_action=error_action)
    await judge.ask("badly", "jobs.create_or_update", GROUP, "jc", "badly", badly)
    await judge.history_of("history of badly", "badly", 2)
    await judge.ask("badly", "jobs.get", GROUP, "jc", "badly")


async def main(flavour: str, url: str, target: str = "", pfx: str = "") -> None:
    """Do everything, then print the notes; `pfx` is a certificate in base64, its password `pfx-password`."""
    client = client_for(flavour, url)
    judge = Judge(client)
    if target:
        await at_work(judge, target)
    else:
        for part in (collections, jobs, runs, pages, refusals):
            await part(judge)
        await secrets(judge, pfx)
    closing = client.close()
    if inspect.isawaitable(closing):
        await closing
    json.dump(judge.notes, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
