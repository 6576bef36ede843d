"""ARM's addresses: any case, percent-encoding, versions, verbs, links."""

import pytest

from services.scheduler.api.arm.addresses import any_case
from services.scheduler.api.arm.versions import VERSIONS
from tests.parts.arm import COLLECTIONS, Arm


def test_fixed_segments_match_in_any_case_and_names_are_left_alone() -> None:
    assert any_case("/subscriptions/{s}/Microsoft.X") == "/{_0:(?i:subscriptions)}/{s}/{_1:(?i:Microsoft\\.X)}"


@pytest.mark.parametrize(
    "path",
    [
        COLLECTIONS.lower(),
        COLLECTIONS.upper(),
        "/subscriptions/sub-1/resourcegroups/RG/providers/microsoft.scheduler/jobcollections",
    ],
)
async def test_addresses_compare_without_case_and_ids_keep_theirs(arm: Arm, path: str) -> None:
    reply = await arm.call("GET", f"{path}/JC")
    assert (reply.status, reply.document["id"]) == (200, f"{COLLECTIONS}/jc")


async def test_percent_encoded_names_are_decoded_and_a_slash_is_no_name(arm: Arm) -> None:
    assert (await arm.call("PUT", "/%6Ac", {})).document["name"] == "jc"
    for path in ("/a%2Fb", "/jc/jobs/a%2Fb", "/jc/jobs/%C3%A4"):
        body = {"properties": {"action": {"request": {"uri": "http://db-0/"}}}}
        reply = await arm.call("PUT", path, body)
        assert (reply.status, reply.document["error"]["target"]) == (400, "name")
    assert (await arm.call("GET", "/jc/jobs/a%2Fb")).status == 404


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version_of_azure_scheduler_is_spoken(arm: Arm, version: str) -> None:
    assert (await arm.call("GET", "/jc", version=version)).status == 200


@pytest.mark.parametrize("version", [None, "", "2015-01-01", "2016-03-01-preview"])
async def test_other_versions_and_none_are_refused_with_the_known_ones(arm: Arm, version: str | None) -> None:
    for method, path in (("GET", "/jc"), ("PUT", "/new"), ("DELETE", "/jc"), ("GET", "")):
        reply = await arm.call(method, path, version=version)
        error = reply.document["error"]
        assert (reply.status, error["code"]) == (400, "MissingOrIncorrectVersionHeader")
        assert (error["target"], "2016-03-01" in error["message"]) == ("api-version", True)
    assert (await arm.call("GET", "/jc")).status == 200


async def test_an_old_version_calls_the_plans_above_standard_premium(arm: Arm) -> None:
    body = {"properties": {"sku": {"name": "premium"}}}
    old = await arm.call("PUT", "/old", body, version="2016-01-01")
    assert old.document["properties"]["sku"] == {"name": "Premium"}
    assert (await arm.call("GET", "/old")).document["properties"]["sku"] == {"name": "P10Premium"}


async def test_a_verb_that_a_resource_does_not_take_is_refused(arm: Arm) -> None:
    reply = await arm.call("POST", "/jc")
    assert (reply.status, reply.document["error"]["code"]) == (400, "InvalidHttpVerb")
    assert set(reply.headers["Allow"].split(",")) == {"DELETE", "GET", "PATCH", "PUT"}


async def test_an_unknown_kind_of_resource_is_not_found(arm: Arm) -> None:
    reply = await arm.call("GET", "/jc/cronjobs")
    assert (reply.status, reply.document["error"]["code"]) == (404, "ResourceNotFound")


async def test_links_are_absolute_and_carry_everything(arm: Arm) -> None:
    for name in ("a", "b", "c"):
        await arm.put_job(name, state="Disabled")
    first = await arm.call("GET", "/jc/jobs?$top=2&$filter=state eq 'DISABLED'", version="2016-01-01")
    link = first.document["nextLink"]
    assert link.startswith(f"{arm.api.url}{COLLECTIONS}/jc/jobs?")
    assert "api-version=2016-01-01" in link
    second = await arm.call("GET", link, version=None)
    assert [job["name"] for job in second.document["value"]] == ["jc/c"]
    assert second.document["nextLink"] is None


@pytest.mark.parametrize("query", ["$top=0", "$top=101", "$top=x", "$skip=-1", "$filter=name eq x", "$filter=state"])
async def test_bad_paging_and_filters_are_bad_requests(arm: Arm, query: str) -> None:
    reply = await arm.call("GET", f"/jc/jobs?{query}")
    error = reply.document["error"]
    assert (reply.status, error["code"], error["target"]) == (400, "BadRequest", query.partition("=")[0])


async def test_names_of_groups_and_subscriptions_are_checked(arm: Arm) -> None:
    for path in ("/subscriptions/a%20b/resourceGroups/rg", "/subscriptions/s/resourceGroups/a%2Fb"):
        reply = await arm.call("PUT", f"{path}/providers/Microsoft.Scheduler/jobCollections/c", {})
        assert (reply.status, reply.document["error"]["code"]) == (400, "BadRequest")


async def test_an_address_with_a_nul_is_refused(arm: Arm) -> None:
    reply = await arm.call("GET", "/j%00c")
    assert (reply.status, reply.document["error"]["code"]) == (400, "BadRequest")
