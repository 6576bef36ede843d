"""Jobs made with Microsoft's client run for real, and its history says what became of them."""

import pytest

from tests.parts.judges import ask_judge
from tests.parts.site import ADDRESSES, Site


@pytest.mark.parametrize("flavour", ["sync", "aio"])
async def test_what_the_client_asks_for_is_done_and_told(site: Site, flavour: str) -> None:
    host = ADDRESSES["db-0"]
    target = f"http://{host}:{site.targets.port}"
    notes = await ask_judge("7", flavour, f"http://127.0.0.1:{site.api_port}", target)
    hit = await site.targets.until_hit("/work", host)
    assert (hit.headers["x-ms-scheduler-jobid"], hit.headers["x-ms-scheduler-jobcollection"]) == ("well", "jc")
    (row,) = notes["history of well"]
    assert row["properties"]["message"].startswith(
        f"Http Action - Response from host '{host}': 'OK' Response Headers: "
    )
    assert row["properties"]["message"].endswith(" Body: done")
    assert (notes["well"]["properties"]["state"], row["properties"]["status"]) == ("completed", "Completed")


async def test_a_failure_runs_the_error_action_and_faults_a_one_time_job(site: Site) -> None:
    target = f"http://{ADDRESSES['db-0']}:{site.targets.port}"
    notes = await ask_judge("7", "sync", f"http://127.0.0.1:{site.api_port}", target)
    rows = [row["properties"] for row in notes["history of badly"]]
    assert [(row["action_name"], row["status"]) for row in rows] == [
        ("ErrorAction", "Completed"),
        ("MainAction", "Failed"),
    ]
    assert "'Internal Server Error'" in rows[1]["message"]
    counted = notes["badly"]["properties"]
    assert counted["state"] == "faulted"
    assert {name: counted["status"][name] for name in ("execution_count", "failure_count", "faulted_count")} == {
        "execution_count": 1,
        "failure_count": 1,
        "faulted_count": 1,
    }
