"""Dispatch in miniature for API tests: claim what is due and let it succeed, without running anything."""

from datetime import timedelta
from functools import partial

from services.scheduler.dispatch.planner import plan
from services.scheduler.domain.executions import AttemptResult, HistoryStatus, history_row, unrun_row
from services.scheduler.domain.jobs import JobState
from services.scheduler.store.records import (
    Claim,
    Outcome,
    Ownership,
)
from tests.parts.fakes_api import Api, HandClock


def turn(api: Api, *, minutes: int) -> None:
    """Let minutes pass."""
    assert isinstance(api.services.clock, HandClock)
    api.services.clock.turn(timedelta(minutes=minutes))


async def claim_due(api: Api) -> tuple[Ownership, list[Claim]]:
    """Claim what is due within ten seconds."""
    store, now = api.services.store, api.services.clock.now()
    horizon = now + timedelta(seconds=10)
    owner = await store.register("replica", now, timedelta(minutes=1))
    planner = partial(plan, now=now, horizon=horizon)
    return owner, await store.claim(owner, now=now, horizon=horizon, limit=100, plan=planner)


async def run_due(api: Api, *, message: str = "done") -> None:
    """Let everything due succeed."""
    owner, claims = await claim_due(api)
    now = api.services.clock.now()
    result = AttemptResult(succeeded=True, retryable=False, message=message, started_at=now, ended_at=now)
    outcomes = [
        Outcome(
            occurrence_id=claim.occurrence.id,
            job_id=claim.job.id,
            rows=(history_row(claim.occurrence, result),),
            main_attempts=1,
            last_execution_time=now,
            job_state=JobState.COMPLETED,
        )
        for claim in claims
    ]
    assert not await api.services.store.settle(owner, outcomes)


async def skip_due(api: Api, reason: str) -> None:
    """Let everything due be skipped."""
    owner, claims = await claim_due(api)
    now = api.services.clock.now()
    outcomes = [
        Outcome(
            occurrence_id=claim.occurrence.id,
            job_id=claim.job.id,
            rows=(unrun_row(claim.occurrence, HistoryStatus.SKIPPED, reason, now),),
        )
        for claim in claims
    ]
    assert not await api.services.store.settle(owner, outcomes)
