"""How ARM's paths are matched, and the ids that replies carry: segments compare without case, ids keep theirs."""

import re

from services.scheduler.domain.collections import Collection, Namespace
from services.scheduler.domain.jobs import Job

PROVIDER = "Microsoft.Scheduler"
COLLECTION_TYPE = f"{PROVIDER}/jobCollections"
JOB_TYPE = f"{COLLECTION_TYPE}/jobs"
HISTORY_TYPE = f"{JOB_TYPE}/history"

ROOT = "subscriptions"
SUBSCRIPTION = f"/{ROOT}/{{subscription}}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/{{group}}"
GROUP_COLLECTIONS = f"{GROUP}/providers/{PROVIDER}/jobCollections"
SUBSCRIPTION_COLLECTIONS = f"{SUBSCRIPTION}/providers/{PROVIDER}/jobCollections"

_SEGMENT = re.compile(r"(?<=/)[^/{}]+")


def any_case(path: str) -> str:
    """Return the route that matches `path` with its fixed segments in any case."""
    numbers = iter(range(len(path)))
    return _SEGMENT.sub(lambda match: f"{{_{next(numbers)}:(?i:{re.escape(match[0])})}}", path)


def is_arm(path: str) -> bool:
    """Whether a request's path lies below this mount."""
    return path.lower().startswith(f"/{ROOT}/")


def group_id(namespace: Namespace) -> str:
    """Return the id of a resource group."""
    return f"/{ROOT}/{namespace.subscription}/resourceGroups/{namespace.resource_group}"


def collection_id(collection: Collection) -> str:
    """Return the id of a collection."""
    return f"{group_id(collection.namespace)}/providers/{COLLECTION_TYPE}/{collection.name}"


def job_id(collection: Collection, job: Job) -> str:
    """Return the id of a job."""
    return f"{collection_id(collection)}/jobs/{job.name}"
