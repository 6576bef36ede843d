"""The jobs of a drill, chosen by its seed: rhythms, policies, places and targets of every kind."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec

from tests.drill.records import DrillJob, Overlap
from tests.drill.target import Behaviour

HOSTS = {"drill-0": "127.0.0.21", "drill-1": "127.0.0.22"}
POOL = "drill"
OTHERS = tuple(f"127.0.0.{number}" for number in range(23, 27))
"""Targets that are nobody's host; several, as the calls that one target gets at a time are limited."""
TIMEOUT = 3
"""Seconds after which a call that hangs is given up."""
_MINUTE = 60.0
_SPREAD = 1.5
"""Seconds over which the first instants lie: all are past when callers begin to disable jobs."""
_WAYS = ("500", "429", "503", "reset", "hang")


class Cast(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the judge knows it, and its document as the API takes it."""

    job: DrillJob
    document: dict[str, Any]


def cast(random: Random, *, count: int, port: int, first: float, last: float) -> list[Cast]:
    """Return `count` jobs whose first instants lie shortly after `first`, the last not after `last`."""
    return [_one(random, f"job-{number}", port, first, last) for number in range(count)]


def _one(random: Random, name: str, port: int, first: float, last: float) -> Cast:
    start = first + round(random.uniform(0, _SPREAD), 3)
    every = random.choices((1, 2, 3, 5, None, _MINUTE), weights=(30, 25, 15, 10, 15, 5))[0]
    if every is None:
        start = first + round(random.uniform(0, last - first), 3)
    elif every == _MINUTE and (minute := first - first % _MINUTE + _MINUTE) < last:
        start = minute
    elif every == _MINUTE:
        every = 1
    overlap = random.choices(list(Overlap), weights=(60, 25, 15))[0]
    catch_up = random.choices(("RunAll", "RunOnce", "Skip"), weights=(80, 10, 10))[0]
    host, pool = _place(random)
    job = DrillJob(
        name=name, first=start, every=every, last=last, overlap=overlap, catch_up=catch_up, host=host, pool=pool
    )
    return Cast(job=job, document=_document(random, job, port))


def _place(random: Random) -> tuple[str | None, str | None]:
    host = random.choice(list(HOSTS))
    return random.choices(((None, None), (host, None), (host, POOL), (None, POOL)), weights=(60, 15, 15, 10))[0]


def _document(random: Random, job: DrillJob, port: int) -> dict[str, Any]:
    where = "{host}" if job.host or job.pool else random.choice(OTHERS)
    behaviour = _behaviour(random)
    main: dict[str, Any] = {
        "request": _request(where, port, "main", job.name, behaviour, random.choice(("POST", "POST", "GET"))),
        "retryPolicy": _retries(random),
    }
    if random.random() < 0.2:
        main["errorAction"] = {
            "request": _request(where, port, "error", job.name, Behaviour(fails=0.1), "POST"),
            "retryPolicy": {"retryType": "None"},
        }
    document: dict[str, Any] = {
        "name": job.name,
        "action": main,
        "startTime": written(job.first),
        "overlap": job.overlap.value,
        "catchUp": job.catch_up,
        "timeout": f"PT{TIMEOUT}S",
        "maintenance": {"onRelease": random.choices(("RunAll", "RunOnce", "Skip"), weights=(6, 2, 2))[0]},
    }
    if job.every is not None:
        document["recurrence"] = _recurrence(job)
    if job.host or job.pool:
        document["placement"] = {"host": job.host, "pool": job.pool}
    return document


def _recurrence(job: DrillJob) -> dict[str, Any]:
    if job.every == _MINUTE:
        return {"cron": "* * * * *", "endTime": written(job.last)}
    return {"frequency": "Second", "interval": int(job.every or 0), "endTime": written(job.last)}


def _behaviour(random: Random) -> Behaviour:
    seconds = random.choices((0.0, 0.05, 0.5, random.uniform(0, 2.5)), weights=(40, 30, 15, 15))[0]
    fails = random.choices((0.0, 0.1, 0.5), weights=(75, 15, 10))[0]
    return Behaviour(seconds=round(seconds, 2), fails=fails, how=random.choice(_WAYS))


def _retries(random: Random) -> dict[str, Any]:
    if random.random() < 0.5:
        return {"retryType": "None"}
    return {"retryType": "Fixed", "retryInterval": "PT1S", "retryCount": random.randint(1, 3)}


def _request(where: str, port: int, action: str, name: str, behaviour: Behaviour, method: str) -> dict[str, Any]:
    uri = f"http://{where}:{port}/{action}/{name}?{behaviour.query}"
    return {"method": method, "uri": uri, "headers": {"x-drill-version": "0"}}


def written(at: float) -> str:
    """Return an instant as the API takes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
