"""The description of the API says what the API does."""

from typing import Any

from services.scheduler.api.examples import EXAMPLES
from services.scheduler.api.schemas.jobs import JobDocument
from tests.parts.fakes_api import Api


def references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in references(value)]
    return [ref for value in node for ref in references(value)] if isinstance(node, list) else []


async def described(api: Api) -> dict[str, Any]:
    reply = await api.call("GET", f"{api.url}/openapi.json")
    document: dict[str, Any] = reply.document
    assert (reply.status, document["openapi"]) == (200, "3.1.0")
    return document


async def test_every_reference_leads_somewhere(api: Api) -> None:
    document = await described(api)
    for reference in references(document):
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


async def test_every_route_is_described_once_with_its_own_name(api: Api) -> None:
    document = await described(api)
    operations = [one for path in document["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names))
    assert all(one["summary"] and one["responses"].keys() & {"200", "201", "204"} for one in operations)
    assert {"get", "put", "patch", "delete"} == set(document["paths"]["/api/v1/collections/{collection}/jobs/{job}"])


async def test_fields_have_their_wire_names_and_read_only_ones_are_marked(api: Api) -> None:
    job = (await described(api))["components"]["schemas"]["JobDocument"]["properties"]
    assert {"catchUpWindow", "startTime", "maintenance"} <= job.keys()
    assert job["status"]["readOnly"]
    assert "readOnly" not in job["action"]


async def test_secrets_are_marked_as_what_only_callers_write(api: Api) -> None:
    schemas = (await described(api))["components"]["schemas"]
    marked = {
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, described in schema.get("properties", {}).items()
        if "writeOnly" in str(described)
    }
    assert marked == {
        "AuthenticationDocument.password",
        "AuthenticationDocument.pfx",
        "AuthenticationDocument.secret",
        "BusAuthenticationDocument.sasKey",
        "QueueMessageDocument.sasToken",
        "RequestDocument.webhookSecret",
    }


async def test_every_example_is_accepted_as_it_stands(api: Api) -> None:
    await api.call("PUT", "/collections/demo/jobs/nightly", EXAMPLES[JobDocument])
    arm = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/default"
    await api.call(
        "PUT", f"{api.url}{arm}/providers/Microsoft.Scheduler/jobCollections/demo?api-version=2016-03-01", {}
    )
    operations = [
        (method, path, one)
        for path, methods in (await described(api))["paths"].items()
        for method, one in methods.items()
        if "requestBody" in one and "/hosts/" not in path and "/rehearsals" not in path
    ]
    assert len(operations) > 8
    for method, path, one in operations:
        places = {parameter["name"]: parameter.get("example") for parameter in one["parameters"]}
        query = "?api-version=2016-03-01" if "api-version" in places else ""
        for example in one["requestBody"]["content"]["application/json"]["examples"].values():
            reply = await api.call(method.upper(), f"{api.url}{path.format(**places)}{query}", example["value"])
            assert reply.status in (200, 201), (method, path, reply.document)
