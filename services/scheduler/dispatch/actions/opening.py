"""Opens a call's secret at the place where it stands in the job's document."""

from services.scheduler.domain.actions import Call
from services.scheduler.domain.destinations import place_of
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.secret_fields import MESSAGES, path_of
from services.scheduler.domain.secrets import Secret, SecretKeeper


def open_secret(keeper: SecretKeeper, secret: Secret, name: str, call: Call, job: Job, occurrence: Occurrence) -> str:
    """Return the text of the secret that is field `name` of what a call sends, such as `sasToken`.

    Raises SecretUnavailableError or SecretRefusedError, as `SecretKeeper.open` does.
    """
    field = f"{path_of(job.definition.action, occurrence.action)}.{MESSAGES[call.kind]}.{name}"
    return keeper.open(secret, place_of(job.collection_id, job.name, field, call))
