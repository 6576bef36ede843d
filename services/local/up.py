"""`leeward up` from start to stop: parts, demo, story."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Final

import aiohttp

from services.local.broker import BrokerCommand, BrokerKind, command
from services.local.demo import ensure_demo
from services.local.fleet import local_vms
from services.local.layout import Layout, UpOptions, lay_out
from services.local.narrator import Narrator, Told
from services.local.parts import all_parts
from services.local.screen import Screen, Tone
from services.local.state import LocalState, exclusive, read_state, write_state
from services.local.stream import follow
from services.local.supervisor import Supervisor
from shared.clock import Clock

_READY_SECONDS: Final = 30.0
_TALLY_SECONDS: Final = 10.0


class Up:
    """One run of everything on this machine."""

    def __init__(self, options: UpOptions, screen: Screen, clock: Clock, environment: Mapping[str, str]) -> None:
        """Nothing is started before `run`."""
        self._options = options
        self._screen = screen
        self._clock = clock
        self._environment = environment

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; then everything has been stopped in order. Raises LeewardError when it cannot."""
        life = asyncio.create_task(self._live(), name="up")
        stopped = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait((life, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if life.done():
            return await life
        self._screen.say("\nStopping: the scheduler first, so that what runs can end …")
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        self._screen.say(f"Stopped. The data stays in {self._options.data}; `leeward up` continues with it.")
        return None

    async def _live(self) -> None:
        began = time.monotonic()
        options = self._options
        async with AsyncExitStack() as stack:
            stack.enter_context(exclusive(options.data))
            previous = read_state(options.data)
            vms = local_vms()
            layout = lay_out(options, vms, previous)
            broker = _broker(options, layout)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            supervisor = await stack.enter_async_context(Supervisor(options.data / "logs", self._tell_trouble))
            self._screen.say(
                f"Starting a broker ({broker.kind}), {len(vms)} emulated VMs, their watchers, a scheduler …"
            )
            for part in all_parts(options, layout, vms, broker, session, self._environment):
                supervisor.start(part)
            await supervisor.until_ready(_READY_SECONDS)
            write_state(options.data, _state(layout, broker))
            if options.demo:
                moved = previous is not None and previous.targets_port != layout.targets
                await ensure_demo(session, layout.api_url, layout.targets, moved=moved)
            self._welcome(layout, broker, time.monotonic() - began)
            await self._narrate(session, f"{layout.api_url}/api/v1/stream")

    async def _narrate(self, session: aiohttp.ClientSession, url: str) -> None:
        narrator = Narrator()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tally(narrator), name="tally")
            async with aclosing(follow(session, url)) as updates:
                async for update in updates:
                    for told in narrator.hear(update):
                        self._tell(told)

    async def _tally(self, narrator: Narrator) -> None:
        while True:
            await asyncio.sleep(_TALLY_SECONDS)
            for told in narrator.tally(self._clock.now()):
                self._tell(told)

    def _tell(self, told: Told) -> None:
        tone, text = told
        self._screen.tell(self._clock.now(), tone, text)

    def _tell_trouble(self, text: str) -> None:
        self._tell((Tone.ALARM, text))

    def _welcome(self, layout: Layout, broker: BrokerCommand, seconds: float) -> None:
        say = self._screen.say
        folder = "" if self._options.data == Path(".leeward") else f" --data {self._options.data}"
        say(f"Leeward is up after {seconds:.1f} s.\n", strong=True)
        say(f"  Portal and API   {layout.api_url}/")
        say(f"  Metrics          http://127.0.0.1:{layout.ops[0]}/metrics (watchers: {_range(layout.ops[1:])})")
        say(f"  MQTT broker      {broker.url} ({broker.kind})")
        say(f"  Emulated Azure   {layout.imds_url}/control/state")
        say(f"  Data and logs    {self._options.data}, {self._options.data / 'logs'}\n")
        say("Now announce a reboot, in a second terminal, and watch what happens here (times are UTC):\n")
        say(f"  {_program()} rehearse reboot db-0{folder}\n", strong=True)
        say("Ctrl-C stops everything.\n")


def _broker(options: UpOptions, layout: Layout) -> BrokerCommand:
    kind = None if options.broker == "auto" else BrokerKind(options.broker)
    return command(options.data / "broker", layout.mqtt, kind=kind)


def _state(layout: Layout, broker: BrokerCommand) -> LocalState:
    return LocalState(
        pid=os.getpid(),
        api=layout.api_url,
        imds=layout.imds_url,
        mqtt=broker.url,
        broker=broker.kind,
        targets_port=layout.targets,
    )


def _program() -> str:
    """Return how to call us in another terminal: by name where PATH knows it, else as we were called."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "leeward" and shutil.which("leeward") is None else "leeward"


def _range(ports: tuple[int, ...]) -> str:
    return f"{ports[0]}-{ports[-1]}" if len(ports) > 1 else f"{ports[0]}"
