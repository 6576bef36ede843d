"""The headers that tools read, and the burst limit that makes them true (reference azure-scheduler §1.2)."""

import re

from tests.parts.arm import Arm
from tests.parts.fakes_api import NOON, running_api

READS = "x-ms-ratelimit-burst-remaining-scheduler-reads"
WRITES = "x-ms-ratelimit-burst-remaining-scheduler-writes"


async def test_every_reply_can_be_traced_and_is_not_cached(arm: Arm) -> None:
    for path in ("/jc", "/nobody", "/jc/nowhere"):
        headers = (await arm.call("GET", path)).headers
        request_id = headers["x-ms-request-id"]
        assert headers["x-ms-correlation-request-id"] == request_id
        assert headers["x-ms-routing-request-id"] == f"LEEWARD:{NOON:%Y%m%dT%H%M%SZ}:{request_id}"
        assert (headers["Cache-Control"], headers["Pragma"], headers["Expires"]) == ("no-cache", "no-cache", "-1")
        assert re.fullmatch(r"application/json; charset=utf-8", headers["Content-Type"])


async def test_a_callers_ids_come_back(arm: Arm) -> None:
    sent = {"x_ms_correlation_request_id": "c-1", "x_ms_client_request_id": "r-1"}
    headers = (await arm.call("GET", "/jc", **sent)).headers
    assert (headers["x-ms-correlation-request-id"], "x-ms-client-request-id" in headers) == ("c-1", False)
    headers = (await arm.call("GET", "/jc", **sent, x_ms_return_client_request_id="true")).headers
    assert headers["x-ms-client-request-id"] == "r-1"


async def test_what_is_left_is_counted_by_kind_whatever_token_is_shown(arm: Arm) -> None:
    assert [(await arm.call("GET", "/jc")).headers[READS] for _ in range(2)] == ["719", "718"]
    reply = await arm.call("PUT", "/jc", {}, Authorization="Bearer me")
    assert (reply.headers[WRITES], READS in reply.headers) == ("178", False)


async def test_an_empty_bucket_is_a_429_that_says_when_to_come_back() -> None:
    async with running_api(burst_writes=2) as api:
        arm = Arm(api)
        replies = [await arm.call("PUT", "/jc", {}) for _ in range(3)]
        assert [reply.status for reply in replies] == [201, 200, 429]
        assert [reply.headers[WRITES] for reply in replies] == ["1", "0", "0"]
        assert (replies[2].document["error"]["code"], replies[2].headers["Retry-After"]) == ("TooManyRequests", "1")
        arm.stand_at(NOON.replace(second=1))
        assert (await arm.call("PUT", "/jc", {})).status == 200


async def test_a_token_that_is_no_text_is_a_caller_too(arm: Arm) -> None:
    assert (await arm.call("GET", "/jc", Authorization="Bearer \udcff")).status == 200


async def test_without_a_limit_nothing_is_counted_or_said() -> None:
    async with running_api(burst_reads=0) as api:
        assert READS not in (await Arm(api).call("GET", "")).headers


async def test_the_short_mount_is_left_alone(arm: Arm) -> None:
    headers = (await arm.api.call("GET", "/collections")).headers
    assert READS not in headers
    assert "x-ms-request-id" in headers
