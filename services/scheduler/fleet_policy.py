"""LEEWARD_MAINTENANCE: what the operator decides about maintenance for every job, as collections and jobs write it."""

from services.scheduler.api.schemas.maintenance import MaintenanceDocument
from services.scheduler.api.schemas.maintenance_reader import read_maintenance
from services.scheduler.api.schemas.strict import MalformedBodyError, parse, read
from services.scheduler.domain.policies import NO_MAINTENANCE, Maintenance
from services.scheduler.errors import InvalidInputError
from shared.settings import SettingsError

_VARIABLE = "LEEWARD_MAINTENANCE"
_EXAMPLE = '{"leadTime": "PT2M", "byType": {"Freeze": {"strategy": "Ignore"}}}'


def read_fleet_policy(text: str | None) -> Maintenance:
    """Return the policy that the setting holds; raises SettingsError naming the field that is wrong in it."""
    if text is None:
        return NO_MAINTENANCE
    try:
        return read_maintenance(read(parse(text.encode()), MaintenanceDocument), field="")
    except MalformedBodyError as fault:
        raise SettingsError(f"{_VARIABLE}: write a JSON object, such as {_EXAMPLE}") from fault
    except InvalidInputError as fault:
        raise SettingsError(f"{_VARIABLE}: {fault}") from fault
