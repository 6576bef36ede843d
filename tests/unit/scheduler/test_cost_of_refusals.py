"""What a caller can make the scheduler do before it is refused: work that grows with what was sent, and no faster."""

import time
from collections.abc import Callable
from urllib.parse import quote

import pytest
from aiohttp.test_utils import make_mocked_request

from services.scheduler.api.filters import read_job_filter
from services.scheduler.api.merge import merge
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.strict import read
from services.scheduler.errors import InvalidInputError

SECONDS = 3.0
"""Far more than a busy machine takes for work that grows as its input; what grew by its square took minutes."""


def refused(work: Callable[[], object]) -> InvalidInputError:
    """Return how `work` was refused; it must not take SECONDS of the processor."""
    began = time.process_time()
    with pytest.raises(InvalidInputError) as refusal:
        work()
    assert time.process_time() - began < SECONDS
    return refusal.value


def test_a_wrong_value_among_very_many_is_found_at_once() -> None:
    many = {f"x-{number}": "" for number in range(30_000)}
    request = {"uri": "http://db-0/tick", "headers": {**many, "x-wrong": 1}}
    document = {"tags": many, "action": {"request": request}}
    assert refused(lambda: read(document, JobDocument)).field == "action.request.headers.x-wrong"


def test_a_wrong_value_is_named_whatever_else_is_wrong() -> None:
    document = {"maintenance": {"byType": {"freeze": {}, "reboot": {"strategy": 1}}}, "overlap": 1}
    assert refused(lambda: read(document, JobDocument)).field == "maintenance.byType.reboot.strategy"


@pytest.mark.parametrize("lure", ["`$.tags[7]`", "`$.tags.team.name`", f"`$[{'9' * 5000}]`", "`$[...]`"])
def test_a_value_that_looks_like_a_path_leads_nowhere(lure: str) -> None:
    document = {"tags": {"team": "db"}, "overlap": f"no' - at {lure}"}
    assert refused(lambda: read(document, JobDocument)).field == "overlap"


@pytest.mark.parametrize("blanks", ["state eq enabled{} x", "state eq{}", "state{}eq", "{}state", "state eq '{}"])
def test_blanks_in_a_filter_cost_no_more_than_their_number(blanks: str) -> None:
    text = quote(blanks.format(" " * 50_000))
    assert refused(lambda: read_job_filter(make_mocked_request("GET", f"/jobs?$filter={text}"))).field == "$filter"


def test_a_patch_deeper_than_any_document_is_refused() -> None:
    patch: dict[str, object] = {}
    for _ in range(5_000):
        patch = {"action": patch}
    assert "32 levels" in str(refused(lambda: merge({}, patch)))
