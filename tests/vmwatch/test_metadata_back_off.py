"""What the service says besides its status: how long to leave it alone, and why it refuses."""

from random import Random

import pytest

from services.vmwatch.answers import LONGEST_REST_SECONDS
from services.vmwatch.errors import MetadataError, MetadataOutcome, MetadataUnavailableError
from services.vmwatch.imds import ImdsClient
from services.vmwatch.pauses import Pauses
from tests.parts.raw_server import Exchange, raw_server

DATE = "Date: Mon, 20 Apr 2026 12:00:00 GMT"


class Extreme(Random):
    """Always draws the longest pause."""

    def uniform(self, a: float, b: float) -> float:
        """Return the upper end."""
        return max(a, b)


async def failure(status: int, *fields: str, body: str = "") -> MetadataError:
    """Return what an answer with these header fields raises."""

    async def answer(exchange: Exchange) -> None:
        lines = (f"HTTP/1.1 {status} Whatever", *fields, f"Content-Length: {len(body.encode())}", "", body)
        await exchange.send("\r\n".join(lines).encode())

    async with raw_server(answer) as server, ImdsClient(server.url) as client:
        with pytest.raises(MetadataError) as raised:
            await client.read_events()
    return raised.value


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        (("Retry-After: 7",), 7.0),
        ((DATE, "Retry-After: Mon, 20 Apr 2026 12:00:09 GMT"), 9.0),
        (("Retry-After: 86400",), LONGEST_REST_SECONDS),
        ((DATE, "Retry-After: Mon, 20 Apr 2026 11:00:00 GMT"), 0.0),
        (("Retry-After: Mon, 20 Apr 2026 12:00:09 GMT",), 0.0),
        (("Retry-After: soon",), 0.0),
        (("Retry-After: -5",), 0.0),
        ((), 0.0),
    ],
)
async def test_retry_after_is_obeyed_as_far_as_a_preempt_allows(fields: tuple[str, ...], seconds: float) -> None:
    fault = await failure(429, *fields)
    assert (fault.outcome, fault.retry_after) == (MetadataOutcome.THROTTLED, seconds)
    assert Pauses().after(fault) >= seconds


@pytest.mark.parametrize(
    ("outcome", "pauses"),
    [
        (MetadataOutcome.THROTTLED, [2, 4, 8, 10, 10]),
        (MetadataOutcome.GONE, [1, 2, 4, 8, 10]),
        (MetadataOutcome.BAD_REQUEST, [5, 10, 20, 40, 60]),
        (MetadataOutcome.SERVER_ERROR, [1, 2, 4, 5, 5]),
        (MetadataOutcome.TIMEOUT, [1, 2, 4, 5, 5]),
    ],
)
def test_each_failure_has_its_own_growing_pause(outcome: MetadataOutcome, pauses: list[float]) -> None:
    growing = Pauses(Extreme())
    fault = MetadataUnavailableError(outcome, "no")
    assert [growing.after(fault) for _ in pauses] == pauses
    growing.clear()
    assert growing.after(fault) == pauses[0]


async def test_the_reason_that_azure_gives_is_told() -> None:
    fault = await failure(400, body='{"error":"Bad request. api-version is invalid"}')
    assert str(fault).endswith("HTTP status 400 (Bad request. api-version is invalid)")


@pytest.mark.parametrize("body", ["", "<html>no</html>", '{"error":5}', '{"error":"\\u001b[31m\\n"}', "x" * 9000])
async def test_a_reason_that_cannot_be_read_does_no_harm(body: str) -> None:
    fault = await failure(500, body=body)
    assert "\x1b" not in str(fault)
    assert len(str(fault)) < 300
