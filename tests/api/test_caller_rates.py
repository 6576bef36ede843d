"""How often one caller may ask, on both mounts."""

from datetime import timedelta
from pathlib import Path

from services.scheduler.metrics import Metrics
from tests.parts.fakes_api import HandClock, running_api
from tests.parts.tokens import OPERATOR, READER, bearer, by_file, three_callers

ARM = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Scheduler/jobCollections?api-version=2016-03-01"


async def test_a_caller_beyond_its_rate_waits_and_others_do_not(tmp_path: Path) -> None:
    metrics = Metrics("")
    async with running_api(rules=by_file(three_callers(tmp_path)), caller_rate=2, metrics=metrics) as api:
        answers = [await api.call("GET", "/collections", **bearer(READER)) for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[-1].headers["Retry-After"] == "1"
        assert answers[-1].document["type"] == "urn:leeward:problem:too-many-requests"
        assert metrics.registry.get_sample_value("leeward_requests_throttled_total") == 1
        assert (await api.call("GET", "/collections", **bearer(OPERATOR))).status == 200
        clock = api.services.clock
        assert isinstance(clock, HandClock)
        clock.turn(timedelta(seconds=1))
        assert (await api.call("GET", "/collections", **bearer(READER))).status == 200


async def test_the_rate_holds_on_azures_paths_as_well(tmp_path: Path) -> None:
    async with running_api(rules=by_file(three_callers(tmp_path)), caller_rate=1) as api:
        assert (await api.call("GET", f"{api.url}{ARM}", **bearer(READER))).status == 200
        reply = await api.call("GET", f"{api.url}{ARM}", **bearer(READER))
        assert (reply.status, reply.document["error"]["code"]) == (429, "TooManyRequests")


async def test_who_is_asked_for_nothing_has_no_rate() -> None:
    async with running_api(caller_rate=1) as api:
        assert {(await api.call("GET", "/collections")).status for _ in range(5)} == {200}


async def test_bursts_on_azures_paths_go_by_the_callers_name(tmp_path: Path) -> None:
    left = "x-ms-ratelimit-burst-remaining-scheduler-reads"
    async with running_api(rules=by_file(three_callers(tmp_path)), burst_reads=5) as api:
        first = await api.call("GET", f"{api.url}{ARM}", **bearer(READER))
        second = await api.call("GET", f"{api.url}{ARM}", **bearer(READER))
        other = await api.call("GET", f"{api.url}{ARM}", **bearer(OPERATOR))
        assert [reply.headers[left] for reply in (first, second, other)] == ["4", "3", "4"]
        stranger = await api.call("GET", f"{api.url}{ARM}")
        assert (stranger.status, left in stranger.headers) == (401, False)
