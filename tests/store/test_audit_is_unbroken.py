"""Callers who write the same jobs at the same moment: what one found is what the one before it left, for each job."""

import asyncio
import random
from itertools import pairwise
from typing import Any

import pytest

from services.scheduler.store.open import open_store
from tests.parts.callers import CALLERS, CONFINED_READER, HEADER, READER, believed
from tests.parts.fakes_api import Api, a_job, every, running_api

JOBS = ("first", "second", "third")
WRITERS = sorted(CALLERS.keys() - {READER.name, CONFINED_READER.name})
MOVES = 25
SHOWN_ELSEWHERE = {"name", "collection", "status", "createdAt", "updatedAt", "resolved"}


class Writer:
    """A caller who changes jobs at random, and signs each document."""

    def __init__(self, api: Api, name: str, seed: int) -> None:
        self._api = api
        self._name = name
        self._dice = random.Random(f"{seed} {name}")

    async def write(self) -> list[str]:
        """Make some changes; return the ids of the requests that were granted."""
        replies = [await self._move() for _ in range(MOVES)]
        assert [reply.document for reply in replies if reply.status not in (200, 201, 404, 409)] == []
        return [reply.headers["x-ms-request-id"] for reply in replies if reply.status < 400]

    async def _move(self) -> Any:
        job, dice = f"/collections/mine/jobs/{self._dice.choice(JOBS)}", self._dice
        signed = {"tags": {"by": self._name, "number": str(dice.randrange(1000))}}
        secret = {"type": "Basic", "username": "robot", "password": f"canary-{dice.randrange(1000)}"}
        uri = f"https://db-{dice.randrange(3)}/"
        document = a_job(recurrence=every(5), **signed)
        document["action"]["request"] = {"uri": uri, **dice.choice([{}, {"authentication": secret}])}
        match dice.randrange(7):
            case 0 | 1:
                return await self._call("PUT", job, document)
            case 2 | 3:
                return await self._call("PATCH", job, signed)
            case 4:
                return await self._call("DELETE", job)
            case 5:
                return await self._call("POST", f"{job}/{dice.choice(['enable', 'disable'])}")
        batch = [{**document, "name": name} for name in dice.sample(JOBS, 2)]
        return await self._call("POST", "/collections/mine/jobs:batch", {"value": batch})

    async def _call(self, method: str, path: str, body: object = None) -> Any:
        return await self._api.call(method, path, body, **{HEADER: self._name})


async def _entries(api: Api, job: str) -> list[Any]:
    """Return all entries of a job, the oldest first."""
    found: list[Any] = []
    while True:
        path = f"/audit?$filter=collection eq mine and job eq {job}&$skip={len(found)}"
        page = (await api.call("GET", path)).document
        found += page["value"]
        if page["nextLink"] is None:
            return found[::-1]


async def _shown(api: Api, job: str) -> object:
    """Return a job as it is, without what entries say elsewhere; None when it is not there."""
    reply = await api.call("GET", f"/collections/mine/jobs/{job}")
    if reply.status == 404:
        return None
    return {name: value for name, value in reply.document.items() if name not in SHOWN_ELSEWHERE}


@pytest.mark.parametrize("seed", range(2))
async def test_each_entry_goes_on_where_the_one_before_it_ended(sql_url: str, seed: int) -> None:
    async with running_api(store=open_store(sql_url), caller_rate=0, middlewares=[believed]) as api:
        await api.call("PUT", "/collections/mine", {})
        granted = await asyncio.gather(*(Writer(api, name, seed).write() for name in WRITERS))
        told = {job: await _entries(api, job) for job in JOBS}
        for job, entries in told.items():
            assert len(entries) > 10
            assert "before" not in entries[0]
            assert [one.get("after") for one, _ in pairwise(entries)] == [
                other.get("before") for _, other in pairwise(entries)
            ]
            assert entries[-1].get("after") == await _shown(api, job)
        everything = [entry for entries in told.values() for entry in entries]
        signed = [one for one in everything if one["action"] in ("job.created", "job.replaced", "job.patched")]
        assert all(one["after"]["tags"]["by"] == one["caller"] for one in signed)
        assert {one["requestId"] for one in everything} <= {request for some in granted for request in some}
        assert any("secrets" in one for one in everything)
        assert "canary" not in repr(everything)
