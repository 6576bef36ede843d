"""Callers of the API during a drill: they run, disable, enable, patch and delete jobs, and insist until they know."""

import asyncio
import time
from contextlib import suppress
from random import Random
from typing import Any

from aiohttp import ClientError

from tests.drill.history import read_rows
from tests.drill.jobs import Cast
from tests.drill.records import Act, Row, Verb
from tests.drill.site import Site

COLLECTION = "/collections/drill"
_AGAIN_SECONDS = 0.2
_PATIENCE = 60
_CONFLICTS = 3
"""Conflicts after which a call is refused for good: the job has come to its end meanwhile."""


class RefusedError(Exception):
    """The scheduler refused a call for good."""


class Caller:
    """Speaks to whichever replica answers; a call that may or may not have worked is made again."""

    def __init__(self, site: Site, random: Random) -> None:
        self._site = site
        self._random = random

    async def call(self, method: str, path: str, body: object = None, *, gone: bool = False, **headers: str) -> Any:
        """Return the answer of the first replica that gives one; raises RefusedError and TimeoutError.

        `gone`: what is not there any more counts as done.
        """
        conflicts = 0
        async with asyncio.timeout(_PATIENCE):
            while True:
                replica = self._random.choice(self._site.replicas)
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                try:
                    url = f"{replica.api}{path}"
                    async with self._site.http.request(method, url, json=body, headers=named) as reply:
                        if reply.status < 300:
                            return await reply.json() if reply.content_type.endswith("json") else None
                        if gone and reply.status == 404:
                            return None
                        conflicts += reply.status == 409
                        if reply.status < 500 and (reply.status != 409 or conflicts > _CONFLICTS):
                            raise RefusedError(f"{method} {path}: {reply.status} {await reply.text()}")
                except (ClientError, OSError, TimeoutError):
                    pass
                await asyncio.sleep(_AGAIN_SECONDS)


class Crowd:
    """Callers at random, and a record of what they did."""

    def __init__(self, caller: Caller, random: Random, cast: list[Cast]) -> None:
        self.acts: list[Act] = []
        self.rows: dict[str, tuple[Row, ...]] = {}
        """The history of the jobs that were deleted, read just before."""
        self.read: dict[str, float] = {}
        self._caller = caller
        self._random = random
        self._recurring = [each.job.name for each in cast if each.job.every is not None and each.job.every < 60]
        self._documents = {each.job.name: each.document for each in cast}
        self._versions: dict[str, int] = {}

    async def run(self, seconds: float, *, every: float = 0.6) -> None:
        """Do things for some seconds; returns when all of it has come to an answer."""
        until = time.time() + seconds
        async with asyncio.TaskGroup() as calls:
            while time.time() < until and len(self._recurring) > 1:
                calls.create_task(self._try())
                await asyncio.sleep(self._random.uniform(0, 2 * every))

    async def _try(self) -> None:
        with suppress(RefusedError):
            await self._act()

    async def _act(self) -> None:
        # A job is out of the list while somebody is at it; a deleted one, or one left disabled, stays out.
        name = self._recurring.pop(self._random.randrange(len(self._recurring)))
        verb = self._random.choices((Verb.RUN, Verb.DISABLE, Verb.PATCH, Verb.DELETE), weights=(45, 30, 20, 5))[0]
        if verb is Verb.RUN:
            await self._run(name)
        elif verb is Verb.PATCH:
            await self._patch(name)
        elif verb is Verb.DELETE:
            await self._delete(name)
            return
        else:
            await self._gate(name, Verb.DISABLE)
            if self._random.random() < 0.15:
                return
            await asyncio.sleep(self._random.uniform(0.5, 4))
            await self._gate(name, Verb.ENABLE)
        self._recurring.append(name)

    async def _run(self, name: str) -> None:
        called, request_id = time.time(), f"{self._random.getrandbits(64):x}"
        path = f"{COLLECTION}/jobs/{name}/run"
        answers = [await self._caller.call("POST", path, x_ms_client_request_id=request_id) for _ in range(2)]
        first, again = (answer["occurrenceId"] for answer in answers)
        if first != again:
            raise AssertionError(f"a run asked for twice under one id became two: {first}, {again}")
        self._note(Verb.RUN, name, called, occurrence=first)

    async def _gate(self, name: str, verb: Verb) -> None:
        called = time.time()
        state = "Disabled" if verb is Verb.DISABLE else "Enabled"
        await self._caller.call("PATCH", f"{COLLECTION}/jobs/{name}", {"state": state})
        self._note(verb, name, called)

    async def _patch(self, name: str) -> None:
        called, version = time.time(), self._versions.get(name, 0) + 1
        self._versions[name] = version
        changed = {"request": {"headers": {"x-drill-version": str(version)}}}
        both = {**changed, "errorAction": changed} if "errorAction" in self._documents[name]["action"] else changed
        await self._caller.call("PATCH", f"{COLLECTION}/jobs/{name}", {"action": both})
        self._note(Verb.PATCH, name, called, version=version)

    async def _delete(self, name: str) -> None:
        self.read[name] = time.time()
        self.rows[name] = await read_rows(self._caller.call, name)
        called = time.time()
        await self._caller.call("DELETE", f"{COLLECTION}/jobs/{name}", gone=True)
        self._note(Verb.DELETE, name, called)

    def _note(self, verb: Verb, job: str, called: float, *, occurrence: str = "", version: int = 0) -> None:
        self.acts.append(
            Act(verb=verb, job=job, called=called, done=time.time(), occurrence=occurrence, version=version)
        )
