"""Reads a service's settings, and says what is wrong with them."""

from services.operations.doctor.findings import Notes
from services.operations.doctor.patient import Given, Role
from services.scheduler.settings import Settings as SchedulerSettings
from services.vmwatch.settings import Settings as VmwatchSettings
from shared.settings import SettingsError, load

_MOST_NAMES = 8


def read_settings(role: Role, given: Given) -> tuple[SchedulerSettings | VmwatchSettings | None, list[str]]:
    """Return the settings, None where they cannot be read, and all that is wrong with them."""
    kind: type[SchedulerSettings | VmwatchSettings] = SchedulerSettings if role is Role.SCHEDULER else VmwatchSettings
    try:
        return load(kind, given.environment, given.flags), []
    except SettingsError as fault:
        _, *faults = str(fault).splitlines()
        return None, [line.strip() for line in faults]


async def examine_settings(given: Given, faults: list[str], notes: Notes) -> None:
    """Note each fault; and that there are no settings, which may be because the service gets its own elsewhere."""
    for fault in faults:
        notes.fail("values", fault, "correct the variable or the flag")
    names = given.names
    if not names and not given.flags:
        remedy = "if the service gets its own elsewhere: --env-file FILE, --pid NUMBER, or run this in its pod"
        notes.warn("origin", f"{given.origin} has no LEEWARD_ variable: these are the defaults", remedy)
    elif not faults:
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        said = ", ".join(names[:_MOST_NAMES]) or f"{len(given.flags)} flags"
        notes.ok("values", f"{said}{more}: all can be used")
