"""A real Prometheus: it scrapes what a test names and judges by the rules that the test names."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec
import yaml
from aiohttp import ClientError, ClientSession

from tests.parts.ports import free_port
from tests.parts.waiting import until

T = TypeVar("T")


class Scrape(msgspec.Struct, frozen=True, kw_only=True):
    """What is scraped, as part of which job: `host:port`, and labels; `instance` is the address unless it is named."""

    job: str
    address: str
    labels: Mapping[str, str] = {}


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A series at one instant; `value` comes as a text, as it may be NaN or infinite."""

    metric: Mapping[str, str]
    value: tuple[float, str]

    @property
    def number(self) -> float:
        """The value."""
        return float(self.value[1])


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A series over time: seconds since 1970, and what it was then."""

    metric: Mapping[str, str]
    values: list[tuple[float, str]]

    @property
    def numbers(self) -> list[float]:
        """The values alone, oldest first."""
        return [float(value) for _, value in self.values]


class Exemplar(msgspec.Struct, frozen=True, kw_only=True):
    """One of the values that a histogram counted, and what leads to its trace."""

    labels: Mapping[str, str]
    value: str
    timestamp: float


class _Exemplars(msgspec.Struct, frozen=True):
    exemplars: list[Exemplar]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that is `pending` or `firing`; its name is the label `alertname`."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    state: str
    value: str

    @property
    def name(self) -> str:
        """Which rule's it is."""
        return self.labels["alertname"]


class _Results(msgspec.Struct, frozen=True):
    result: msgspec.Raw


class _Alerts(msgspec.Struct, frozen=True):
    alerts: list[Alert]


class _Reply(msgspec.Struct, frozen=True):
    status: str
    data: msgspec.Raw = msgspec.Raw()
    error: str = ""


class Prometheus:
    """One server on a free loopback port for the length of a test; it stores in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        *scrapes: Scrape,
        rules: Iterable[Path] = (),
        interval: timedelta = timedelta(seconds=0.5),
    ) -> None:
        """Write its configuration; it scrapes and judges each `interval`."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._targets = len(scrapes)
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "prometheus.yml").write_text(yaml.safe_dump(_configuration(scrapes, rules, interval)))

    async def __aenter__(self) -> Self:
        """Start it and wait until it answers."""
        self._run()
        await until(self._is_ready)
        return self

    def _run(self) -> None:
        program = shutil.which("prometheus")
        assert program is not None, "no Prometheus: .ci/servers installs it"
        flags = (
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--enable-feature=exemplar-storage",
            "--scrape.discovery-reload-interval=100ms",
            "--log.level=warn",
        )
        with (self._folder / "prometheus.log").open("ab") as log:
            self._process = subprocess.Popen((program, *flags), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it; what it has stored is the test's folder's."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def said(self) -> str:
        """Everything it has complained of so far."""
        return (self._folder / "prometheus.log").read_text()

    async def query(self, expression: str) -> list[Sample]:
        """Return what an expression comes to now: an instant vector. Fails with Prometheus's own words."""
        return await self._result("query", list[Sample], query=expression)

    async def query_range(self, expression: str, *, start: datetime, end: datetime, step: timedelta) -> list[Series]:
        """Return what an expression came to from `start` to `end`."""
        span = {"start": str(start.timestamp()), "end": str(end.timestamp()), "step": str(step.total_seconds())}
        return await self._result("query_range", list[Series], query=expression, **span)

    async def exemplars(self, selector: str, *, start: datetime, end: datetime) -> list[Exemplar]:
        """Return the exemplars that histograms came with from `start` to `end`."""
        span = {"start": str(start.timestamp()), "end": str(end.timestamp())}
        found = msgspec.json.decode(await self._ask("query_exemplars", query=selector, **span), type=list[_Exemplars])
        return [exemplar for series in found for exemplar in series.exemplars]

    async def value(self, expression: str) -> float | None:
        """Return the only number that an expression comes to; None when there is none yet."""
        samples = await self.query(expression)
        assert len(samples) < 2, f"{expression}: {samples}"
        return samples[0].number if samples else None

    async def until_value(self, expression: str, number: float, *, seconds: float = 40) -> None:
        """Wait until an expression comes to a number."""

        async def is_there() -> bool:
            return await self.value(expression) == number

        await until(is_there, seconds=seconds)

    async def alerts(self) -> list[Alert]:
        """Return the alerts that are pending or firing."""
        return msgspec.json.decode(await self._ask("alerts"), type=_Alerts).alerts

    async def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        return {alert.name for alert in await self.alerts() if alert.state == "firing"}

    async def until_scraped(self, *, seconds: float = 20) -> None:
        """Wait until every target has been scraped well."""

        async def all_up() -> bool:
            up = await self.query("up")
            return len(up) == self._targets and all(sample.number == 1 for sample in up)

        await until(all_up, seconds=seconds)

    async def until_firing(self, *names: str, seconds: float = 40) -> None:
        """Wait until all of these alerts fire."""

        async def all_fire() -> bool:
            return set(names) <= await self.firing()

        await until(all_fire, seconds=seconds)

    async def until_quiet(self, *names: str, seconds: float = 40) -> None:
        """Wait until none of these alerts fires."""

        async def none_fires() -> bool:
            return not set(names) & await self.firing()

        await until(none_fires, seconds=seconds)

    async def _result(self, what: str, kind: type[T], **parameters: str) -> T:
        results = msgspec.json.decode(await self._ask(what, **parameters), type=_Results)
        return msgspec.json.decode(results.result, type=kind)

    async def _ask(self, what: str, **parameters: str) -> msgspec.Raw:
        async with ClientSession() as session, session.get(f"{self.url}/api/v1/{what}", params=parameters) as response:
            reply = msgspec.json.decode(await response.read(), type=_Reply)
        assert reply.status == "success", f"{parameters}: {reply.error}"
        return reply.data

    async def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.said
        try:
            async with ClientSession() as session, session.get(f"{self.url}/-/ready") as reply:
                return reply.status == 200
        except ClientError:
            return False


def _configuration(scrapes: Iterable[Scrape], rules: Iterable[Path], interval: timedelta) -> dict[str, object]:
    each = f"{int(interval.total_seconds() * 1000)}ms"
    jobs: dict[str, list[dict[str, object]]] = {}
    for scrape in scrapes:
        jobs.setdefault(scrape.job, []).append({"targets": [scrape.address], "labels": dict(scrape.labels)})
    return {
        "global": {"scrape_interval": each, "scrape_timeout": each, "evaluation_interval": each},
        "rule_files": [str(file) for file in rules],
        "scrape_configs": [{"job_name": job, "static_configs": static} for job, static in jobs.items()],
    }
