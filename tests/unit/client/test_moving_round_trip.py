"""What is exported is read back the same."""

from typing import Any

import msgspec
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from services.client.moving.comparison import same_collection, same_job
from services.client.moving.exports import write_documents, write_template
from tests.parts.moving import wanted
from tests.parts.moving_strategies import COLLECTION, JOB, settled


def check(document: Any, collection: dict[str, Any], jobs: list[dict[str, Any]]) -> None:
    found = wanted(document)
    assert same_collection(found[collection["name"]].document, collection)
    assert len(found) == len(jobs) + 1
    for job in jobs:
        assert same_job(found[f"{collection['name']}/{job['name']}"].document, job)


@settings(deadline=None)
@given(COLLECTION, st.lists(JOB, max_size=3))
def test_a_template_reads_back_to_the_same(collection: dict[str, Any], jobs: list[dict[str, Any]]) -> None:
    jobs = settled(collection, jobs)
    written = msgspec.json.encode(write_template([collection], jobs))
    check(msgspec.json.decode(written), collection, jobs)


@settings(deadline=None)
@given(COLLECTION, st.lists(JOB, max_size=3))
def test_documents_read_back_to_the_same(collection: dict[str, Any], jobs: list[dict[str, Any]]) -> None:
    jobs = settled(collection, jobs)
    written = yaml.safe_dump(write_documents([collection], jobs), allow_unicode=True)
    check(yaml.safe_load(written), collection, jobs)


def test_secrets_that_are_not_given_out_become_parameters() -> None:
    authentication = {"type": "Basic", "username": "me"}
    action = {"type": "Https", "request": {"uri": "https://x.example", "authentication": authentication}}
    jobs = [{"collection": "c", "name": name, "action": action} for name in ("a.b", "a-b")]
    found = write_template([{"name": "c"}], jobs)
    assert found["parameters"] == {
        "c_a_b_password": {"type": "secureString"},
        "c_a_b_password_2": {"type": "secureString"},
    }
    first = found["resources"][1]["properties"]["action"]["request"]["authentication"]
    assert first["password"] == "[parameters('c_a_b_password')]"
    assert "password" not in authentication


def test_a_job_stands_on_its_collection() -> None:
    found = write_template([{"name": "c"}], [{"collection": "c", "name": "j"}])
    assert found["resources"][1]["dependsOn"] == ["[resourceId('Microsoft.Scheduler/jobCollections', 'c')]"]
