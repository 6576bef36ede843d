"""`leeward-scheduler`: reads the settings and runs the scheduler until a signal."""

import gc
import os
import resource
import sys

from services.scheduler.app import serve
from services.scheduler.checking import certificates, faults
from services.scheduler.settings import Settings
from shared import logs
from shared.checking import CHECK_HELP, HELP_FLAGS, expired, report, without_check
from shared.clock import SystemClock
from shared.lifecycle import FAULT_EXIT_CODE, run
from shared.settings import SettingsError, load


def main() -> int:
    """Run the scheduler; return the process's exit code."""
    only_checks, arguments = without_check(sys.argv[1:])
    if HELP_FLAGS & set(arguments):
        sys.stdout.write(CHECK_HELP)
    try:
        settings = load(Settings, os.environ, arguments)
    except SettingsError as fault:
        sys.stderr.write(f"{fault}\n")
        return FAULT_EXIT_CODE
    if only_checks:
        return _check(settings)
    logs.configure(level=settings.log_level)
    _collect_less_often()
    _open_many()
    return run(lambda stop: serve(settings, os.environ, stop, arguments=arguments))


def _check(settings: Settings) -> int:
    remarks = expired(certificates(settings), SystemClock().now())
    return report("leeward-scheduler", faults(settings, os.environ), remarks)


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
