"""`leeward-scheduler`: reads the settings and runs the scheduler until a signal."""

import gc
import os
import resource
import sys

from services.scheduler.app import serve
from services.scheduler.settings import Settings
from shared import logs
from shared.lifecycle import FAULT_EXIT_CODE, run
from shared.settings import SettingsError, load


def main() -> int:
    """Run the scheduler; return the process's exit code."""
    try:
        settings = load(Settings, os.environ, sys.argv[1:])
    except SettingsError as fault:
        sys.stderr.write(f"{fault}\n")
        return FAULT_EXIT_CODE
    logs.configure(level=settings.log_level)
    _collect_less_often()
    _open_many()
    return run(lambda stop: serve(settings, os.environ, stop))


def _collect_less_often() -> None:
    """Tune garbage collection for dispatch: many small objects, hardly a cycle among them.

    Python's own thresholds cost a tenth of the time, and pauses of tens of milliseconds in the lateness.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _open_many() -> None:
    """Let the process have as many sockets as it may: calls that take long need one each (LEEWARD_RUNNERS)."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
