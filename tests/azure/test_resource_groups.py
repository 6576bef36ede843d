"""The provider and resource groups, as far as ARM's tools ask for them (reference azure-scheduler §1.1)."""

from tests.parts.arm import GROUP, Arm

VERSION = "2016-02-01"


async def test_the_provider_is_registered_in_its_regions(arm: Arm) -> None:
    path = "/subscriptions/sub-1/providers/Microsoft.Scheduler"
    reply = await arm.call("GET", path, version=VERSION)
    assert (reply.document["id"], reply.document["registrationState"]) == (path, "Registered")
    kind = next(one for one in reply.document["resourceTypes"] if one["resourceType"] == "jobcollections")
    assert kind["apiVersions"] == ["2016-03-01", "2016-01-01", "2014-08-01-preview"]
    assert (len(kind["locations"]), "West US" in kind["locations"]) == (17, True)
    assert (await arm.call("POST", f"{path}/register", version=VERSION)).document == reply.document


async def test_a_group_is_made_shown_and_made_again(arm: Arm) -> None:
    group = "/subscriptions/sub-1/resourcegroups/onesdk3929"
    made = await arm.call("PUT", group, {"location": "West US", "tags": {"a": "1"}}, version=VERSION)
    assert (made.status, made.document) == (
        201,
        {
            "id": "/subscriptions/sub-1/resourceGroups/onesdk3929",
            "name": "onesdk3929",
            "location": "westus",
            "tags": {"a": "1"},
            "properties": {"provisioningState": "Succeeded"},
        },
    )
    assert (await arm.call("GET", group.upper(), version=VERSION)).document == made.document
    assert (await arm.call("PUT", group, {"location": "eastus"}, version=VERSION)).status == 200


async def test_a_group_is_there_when_a_collection_is_in_it(arm: Arm) -> None:
    assert (await arm.call("GET", GROUP, version=VERSION)).document["name"] == "rg"
    assert (await arm.call("HEAD", GROUP, version=VERSION)).status == 204
    assert (await arm.call("HEAD", f"{GROUP}-2", version=VERSION)).status == 404


async def test_deleting_a_group_deletes_its_collections_and_no_others(arm: Arm) -> None:
    await arm.put_job("j", startTime="2027-01-01T00:00:00Z")
    other = "/subscriptions/sub-1/resourceGroups/rg-2/providers/Microsoft.Scheduler/jobCollections/jc"
    await arm.call("PUT", other, {})
    deleted = await arm.call("DELETE", GROUP, version=VERSION)
    assert (deleted.status, deleted.document) == (200, None)
    assert (await arm.call("GET", "/jc")).status == 404
    assert (await arm.call("GET", other)).status == 200
    again = await arm.call("DELETE", GROUP, version=VERSION)
    assert (again.status, again.document["error"]["code"]) == (404, "ResourceGroupNotFound")


async def test_a_version_is_needed_here_too(arm: Arm) -> None:
    for version in (None, "latest"):
        reply = await arm.call("GET", GROUP, version=version)
        assert (reply.status, reply.document["error"]["code"]) == (400, "MissingOrIncorrectVersionHeader")
