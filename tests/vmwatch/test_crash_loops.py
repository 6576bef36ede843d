"""Watchers never ask Azure more often than it answers, those that die and start again at once included."""

import asyncio
from uuid import uuid4

from services.vmwatch.app import App
from services.vmwatch.budget import AZURE_PER_SECOND
from services.vmwatch.emulator.limits import Options
from services.vmwatch.emulator.server import Emulator
from services.vmwatch.metrics import Metrics
from services.vmwatch.settings import Settings
from shared.clock import SystemClock
from tests.parts.ports import free_port
from tests.parts.watching import emulator

AZURES = Options(requests_per_second=AZURE_PER_SECOND + 2)
"""A little more: what was sent apart may arrive together where the machine is busy."""
_ASKED = ("db-0 GET instance", "db-0 GET scheduledevents")


async def crash_loop(imds: Emulator, lives: list[float]) -> float:
    """Let a watcher live that long, again and again; return how often it was told that it asks too much."""
    throttled = 0.0
    for seconds in lives:
        settings = Settings(
            mqtt_url=f"mqtt://127.0.0.1:{free_port()}", imds_url=imds.url("db-0"), ops_listen="127.0.0.1:0"
        )
        metrics = Metrics("test")
        life = asyncio.create_task(App(settings, metrics, SystemClock(), lambda: uuid4().hex).run(asyncio.Event()))
        await asyncio.wait([life], timeout=seconds)
        life.cancel()
        await asyncio.wait([life])
        throttled += metrics.registry.get_sample_value("leeward_metadata_requests_total", {"outcome": "throttled"}) or 0
    return throttled


async def test_two_watchers_in_crash_loops_stay_within_azures_limit() -> None:
    async with emulator(options=AZURES) as imds:
        # Lives that end before anything was asked, right after the first request, and after the second.
        throttled = await asyncio.gather(
            crash_loop(imds, [0.05, 1.05, 0.3, 1.05, 0.7, 1.9]), crash_loop(imds, [1.05] * 4 + [0.1] * 4)
        )
        asked = sum(imds.stage.requests[name] for name in _ASKED)
    assert sum(throttled) == 0
    assert 4 <= asked <= 20


async def test_lives_too_short_to_do_anything_ask_nothing() -> None:
    async with emulator(options=AZURES) as imds:
        await crash_loop(imds, [0.1] * 10)
        assert sum(imds.stage.requests[name] for name in _ASKED) == 0
