"""The Python client's structs say what the scheduler's OpenAPI document says, field by field."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from services.client.api.model import actions, base, collections, fleet, history, jobs
from services.client.api.model.base import UNKNOWN, Reply
from tests.parts.fakes_api import running_api

Schema = dict[str, Any]
PAIRS: dict[str, type[Reply]] = {
    "AuditDocument": history.AuditEntry,
    "BatchAnswerDocument": jobs.BatchAnswer,
    "CollectionDocument": collections.Collection,
    "DecisionDocument": history.Decision,
    "DeletedDocument": jobs.Deleted,
    "EventDocument": fleet.Event,
    "EventStatisticsDocument": fleet.EventStatistics,
    "ForesightDocument": fleet.Foresight,
    "HistoryDocument": history.HistoryRow,
    "HostDocument": fleet.Host,
    "JobDocument": jobs.Job,
    "OccurrenceDocument": jobs.Occurrence,
    "Problem": base.Problem,
    "RunDocument": jobs.Run,
    "UpdateDocument": fleet.Update,
}
"""What replies of the short mount hold, and what the client has for it."""
WORDS_LEFT_OPEN = {"cause", "action"}
"""Fields whose words are many and only ever shown: the client takes any."""


@pytest.fixture(scope="module")
def components() -> dict[str, Schema]:
    """What the client's own structs look like, as schemas."""
    _, found = msgspec.json.schema_components(list(PAIRS.values()), ref_template="{name}")
    return found


async def described() -> Schema:
    async with running_api() as api, api.session.get(f"{api.url}/openapi.json") as response:
        document: Schema = await response.json()
        return document


def plain(schema: Schema, components: dict[str, Schema], name: str = "") -> object:
    """Return a schema without what only people read, references followed, None left out of choices."""
    if "$ref" in schema:
        return plain(components[schema["$ref"].rpartition("/")[2]], components, name)
    if "anyOf" in schema:
        choices = [plain(one, components, name) for one in schema["anyOf"] if one.get("type") != "null"]
        return choices[0] if len(choices) == 1 else sorted(choices, key=repr)
    if "enum" in schema:
        return "string" if name in WORDS_LEFT_OPEN or name == "type" else sorted(set(schema["enum"]) - {UNKNOWN})
    if schema.get("type") == "object" and "properties" in schema:
        return {field: plain(one, components, field) for field, one in schema["properties"].items()}
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return {"*": plain(values, components)} if isinstance(values, dict) else "object"
    if schema.get("type") == "array":
        return [plain(schema.get("items", {}), components)]
    return schema.get("type")


def required(schema: Schema) -> set[str]:
    return set(schema.get("required", ()))


@pytest.mark.parametrize("name", PAIRS)
async def test_a_struct_has_the_fields_and_words_that_replies_have(name: str, components: dict[str, Schema]) -> None:
    theirs = (await described())["components"]["schemas"]
    ours = components[PAIRS[name].__name__]
    assert plain(ours, components) == plain(theirs[name], theirs)
    assert required(ours) == required(theirs[name])


def answers(document: Schema) -> Iterator[str]:
    """Yield the names of what the short mount answers with."""
    for path, operations in document["paths"].items():
        if path.startswith("/api/v1"):
            for operation in operations.values():
                for status, reply in operation["responses"].items():
                    for content in reply.get("content", {}).values() if status.startswith("2") else ():
                        schema = content["schema"]
                        row = schema.get("properties", {}).get("value", {}).get("items", schema)
                        yield row["$ref"].rpartition("/")[2]


async def test_every_answer_of_the_short_mount_has_its_struct() -> None:
    assert set(answers(await described())) - PAIRS.keys() == set()


def test_a_word_and_a_field_of_a_newer_scheduler_are_no_failure() -> None:
    text = b'{"name": "a", "collection": "b", "state": "resting", "mood": {"x": 1}, "overlap": "Queue"}'
    job = msgspec.json.decode(text, type=jobs.Job)
    assert (job.state, job.overlap) == (jobs.JobState.UNKNOWN, jobs.Overlap.UNKNOWN)


def test_no_secret_stands_in_the_form_for_debuggers() -> None:
    proof = actions.Authentication(password="hush", pfx="hush", secret="hush")
    message = actions.QueueMessage(storage_account="a", queue_name="q", sas_token="hush", message="")
    request = actions.Request(uri="https://x/", webhook_secret="hush", authentication=proof)
    job = jobs.Job(action=actions.Action(request=request, queue_message=message))
    assert "hush" not in repr((job, proof, actions.BusAuthentication(sas_key="hush")))
    assert "https://x/" in repr(job)
