"""Durations go out in the dialect that the caller reads (reference azure-scheduler §0.2, DESIGN §5)."""

import pytest

from services.scheduler.api.replies import speaks_timespan
from tests.parts.arm import Arm

OLD_PYTHON = "python/3.6.1 msrest/0.4.14 msrest_azure/0.4.11 schedulermanagementclient/1.1.2 Azure-SDK-For-Python"
OLD_DOT_NET = "Microsoft.Azure.Management.Scheduler.SchedulerManagementClient/2.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "old"),
    [
        ("azsdk-python-mgmt-scheduler/7.0.0 Python/3.11", False),
        ("azsdk-python-azure-mgmt-scheduler/3.0.0", False),
        ("msrest/0.7.1 azure-mgmt-scheduler/2.0.0 Azure-SDK-For-Python", True),
        (OLD_PYTHON, True),
        (OLD_DOT_NET, True),
        ("AzurePowershell/v1.0.0.0", True),
        ("curl/8.5", False),
        ("", False),
    ],
)
def test_old_clients_are_known_by_their_user_agent(user_agent: str, old: bool) -> None:
    assert speaks_timespan(user_agent) is old


@pytest.mark.parametrize("path", ["/jc/jobs/j", "/api/v1/collections/short/jobs/j"])
async def test_both_mounts_take_either_dialect_and_answer_in_the_callers(arm: Arm, path: str) -> None:
    await arm.api.call("PUT", "/collections/short", {})
    for written in ("00:01:30", "PT90S", "PT1M30S"):
        policy = {"retryType": "Fixed", "retryInterval": written}
        definition = {"action": {"type": "Http", "request": {"uri": "http://db-0/"}, "retryPolicy": policy}}
        body = definition if path.startswith("/api") else {"properties": definition}
        for user_agent, expected in (("curl/8", "PT1M30S"), (OLD_DOT_NET, "00:01:30"), (OLD_PYTHON, "00:01:30")):
            document = (await arm.call("PUT", path, body, User_Agent=user_agent)).document
            action = document.get("properties", document)["action"]
            assert action["retryPolicy"]["retryInterval"] == expected


async def test_both_mounts_take_the_extensions_in_either_dialect_and_give_them_back(arm: Arm) -> None:
    policy = {"retryType": "Exponential", "retryInterval": "00:01:00", "maxInterval": "00:30:00"}
    action = {"type": "http", "request": {"uri": "http://db-0/"}, "retryPolicy": policy}
    for _ in range(2):
        reply = await arm.put_job("j", action=action, flexibleWindow="00:15:00")
        shown = reply.document["properties"]
        assert shown["flexibleWindow"] == "PT15M"
        assert shown["action"]["retryPolicy"] == {
            "retryType": "exponential",
            "retryInterval": "PT1M",
            "retryCount": 4,
            "maxInterval": "PT30M",
        }
        action = shown["action"]
    old = (await arm.call("GET", "/jc/jobs/j", User_Agent=OLD_DOT_NET)).document["properties"]
    assert (old["flexibleWindow"], old["action"]["retryPolicy"]["maxInterval"]) == ("00:15:00", "00:30:00")


async def test_on_azures_paths_a_longest_interval_without_exponential_is_ignored(arm: Arm) -> None:
    policy = {"retryType": "Fixed", "retryInterval": "PT1M", "maxInterval": "PT30M"}
    created = await arm.put_job("j", action={"request": {"uri": "http://db-0/"}, "retryPolicy": policy})
    assert created.status == 201
    assert "maxInterval" not in created.document["properties"]["action"]["retryPolicy"]
    exponential = {"action": {"retryPolicy": {"retryType": "Exponential", "maxInterval": "PT30M"}}}
    for patch in (exponential, {"action": {"retryPolicy": {"retryType": "Fixed"}}}):
        assert (await arm.call("PATCH", "/jc/jobs/j", {"properties": patch})).status == 200


async def test_in_lists_only_the_old_python_clients_read_iso(arm: Arm) -> None:
    policy = {"retryType": "Fixed", "retryInterval": "1.00:00:00"}
    await arm.put_job("j", action={"request": {"uri": "http://db-0/"}, "retryPolicy": policy})
    for user_agent, expected in ((OLD_PYTHON, "P1D"), (OLD_DOT_NET, "1.00:00:00"), ("curl/8", "P1D")):
        (job,) = (await arm.call("GET", "/jc/jobs", User_Agent=user_agent)).document["value"]
        assert job["properties"]["action"]["retryPolicy"]["retryInterval"] == expected
