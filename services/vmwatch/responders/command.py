"""The command responder: runs a program of the operator's, without a shell, with the event on stdin."""

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Final

import msgspec

from services.vmwatch.documents import SCHEDULED, STARTED
from services.vmwatch.responder_settings import CommandSettings, Phase, ResponderName, is_among
from services.vmwatch.responders.base import Errand, ResponderError
from services.vmwatch.responders.output import LastWords
from services.vmwatch.responders.report import Report, fields_of, report_of
from services.vmwatch.templates import filled
from shared.logs import get_logger
from shared.messages import Event

GRACE_SECONDS: Final = 5.0
"""How long a program whose time is up has after SIGTERM before SIGKILL."""
_ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType(
    {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
)
"""The watcher's own environment holds the broker's password."""
_VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "phase": "LEEWARD_PHASE",
        "why": "LEEWARD_WHY",
        "host": "LEEWARD_HOST",
        "computerName": "LEEWARD_COMPUTER_NAME",
        "deadline": "LEEWARD_DEADLINE",
        "drain": "LEEWARD_DRAIN",
        "event.id": "LEEWARD_EVENT_ID",
        "event.type": "LEEWARD_EVENT_TYPE",
        "event.status": "LEEWARD_EVENT_STATUS",
        "event.source": "LEEWARD_EVENT_SOURCE",
        "event.description": "LEEWARD_EVENT_DESCRIPTION",
        "event.resources": "LEEWARD_EVENT_RESOURCES",
        "event.notBefore": "LEEWARD_EVENT_NOT_BEFORE",
        "event.durationSeconds": "LEEWARD_EVENT_DURATION_SECONDS",
    }
)
_log = get_logger(__name__)


class CommandResponder:
    """Runs the program at each phase that is set; exit code 0 means done.

    When a call is cancelled the whole process group gets SIGTERM, and SIGKILL after `grace_seconds`.
    """

    def __init__(self, settings: CommandSettings, *, grace_seconds: float = GRACE_SECONDS) -> None:
        """Read the command. Raises ValueError."""
        self._settings = settings
        self._argv = settings.argv
        self._grace_seconds = grace_seconds

    @property
    def name(self) -> str:
        """Name it in metrics, logs and blocks."""
        return ResponderName.COMMAND

    def concerns(self, event: Event) -> bool:
        """Whether it runs for events of its type; for mere advice only if the operator names the type."""
        is_advice = event.status not in (SCHEDULED, STARTED)
        return is_among(event.type, self._settings.events) and bool(self._settings.events or not is_advice)

    async def prepare(self, errand: Errand) -> None:
        """Run the program to make the host ready. Raises ResponderError."""
        await self._run(report_of(errand, Phase.PREPARE))

    async def drained(self, errand: Errand) -> None:
        """Run the program as the host is drained. Raises ResponderError."""
        await self._run(report_of(errand, Phase.DRAINED))

    async def failed(self, errand: Errand, why: str) -> None:
        """Run the program as the host was not made ready. Raises ResponderError."""
        await self._run(report_of(errand, Phase.FAILED, why))

    async def resume(self, errand: Errand) -> None:
        """Run the program to put the host back to work. Raises ResponderError."""
        await self._run(report_of(errand, Phase.RESUME))

    async def _run(self, report: Report) -> None:
        if report.phase not in self._settings.phases:
            return
        async with LastWords() as words:
            process = await self._start(report, words)
            try:
                code = await process.wait()
            finally:
                await self._end(process)
            output = await words.text()
        _log.info("command ended", phase=report.phase, event_id=report.event.event_id, exit_code=code, output=output)
        if code != 0:
            raise ResponderError(f"{self._argv[0]} {_how_it_ended(code)}")

    async def _start(self, report: Report, words: LastWords) -> asyncio.subprocess.Process:
        fields = fields_of(report)
        told = {variable: fields[name].replace("\0", "") for name, variable in _VARIABLES.items()}
        try:
            with _readable(msgspec.json.encode(report)) as document:
                return await asyncio.create_subprocess_exec(
                    *(filled(word, fields).replace("\0", "") for word in self._argv),
                    stdin=document,
                    stdout=words.inlet,
                    stderr=words.inlet,
                    cwd=self._settings.folder,
                    env={**_ENVIRONMENT, **told},
                    start_new_session=True,
                )
        except OSError as fault:
            raise ResponderError(f"{self._argv[0]} cannot be run: {fault.strerror or fault}") from fault
        finally:
            words.close_inlet()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Leave nothing of a program whose time is up; SIGKILL comes also when this itself is cancelled."""
        if process.returncode is not None:
            return
        _log.warning("command ended, its time is up", program=self._argv[0])
        _signal(process, signal.SIGTERM)
        kill = asyncio.get_running_loop().call_later(self._grace_seconds, _signal, process, signal.SIGKILL)
        await process.wait()
        kill.cancel()
        _signal(process, signal.SIGKILL)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to a program's whole group, whose id is the program's own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


@contextmanager
def _readable(document: bytes) -> Iterator[int]:
    """Give a file in memory that holds a document: unlike a pipe, it is no matter whether the program reads it."""
    with open(os.memfd_create("event"), "w+b", buffering=0) as file:  # noqa: PTH123 - it has no path
        file.write(document)
        file.seek(0)
        yield file.fileno()


def _how_it_ended(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
