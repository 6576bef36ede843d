"""`leeward-vmwatch`: the watcher as a program."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from uuid import uuid4

from services.vmwatch.app import App
from services.vmwatch.metrics import Metrics
from services.vmwatch.settings import Settings
from shared import lifecycle, logs
from shared.clock import SystemClock
from shared.settings import load, masked


def main(environment: Mapping[str, str] | None = None, arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""

    async def serve(stop: asyncio.Event) -> None:
        # Loading inside the life cycle turns faulty settings into a readable message and exit code 2.
        settings = load(
            Settings,
            os.environ if environment is None else environment,
            sys.argv[1:] if arguments is None else arguments,
        )
        logs.configure(level=settings.log_level)
        version = _version()
        logs.get_logger(__name__).info("starting", service="vmwatch", version=version, settings=masked(settings))
        await App(settings, Metrics(version), SystemClock(), lambda: uuid4().hex).run(stop)

    return lifecycle.run(serve)


def _version() -> str:
    try:
        return metadata.version("leeward")
    except metadata.PackageNotFoundError:
        return "uninstalled"


if __name__ == "__main__":
    sys.exit(main())
