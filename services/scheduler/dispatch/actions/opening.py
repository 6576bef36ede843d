"""Opens a call's secret at the place where it stands in the job's document."""

from services.scheduler.domain.actions import ActionName, Call
from services.scheduler.domain.destinations import place_of
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.secret_fields import ERROR, MAIN, MESSAGES
from services.scheduler.domain.secrets import Secret, SecretKeeper


def open_secret(keeper: SecretKeeper, secret: Secret, name: str, call: Call, job: Job, occurrence: Occurrence) -> str:
    """Return the text of the secret that is field `name` of what a call sends, such as `sasToken`.

    Raises SecretUnavailableError or SecretRefusedError, as `SecretKeeper.open` does.
    """
    # A job may have lost its error action since: then the main one is made (Action.call_of).
    has_error_action = job.definition.action.error_action is not None
    action = ERROR if occurrence.action is ActionName.ERROR and has_error_action else MAIN
    return keeper.open(secret, place_of(job.collection_id, job.name, f"{action}.{MESSAGES[call.kind]}.{name}", call))
