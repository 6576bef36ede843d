"""A stored job as the form opens it: its document without what only replies tell."""

from datetime import datetime

import msgspec

from services.scheduler.api.schemas.job_writer import job_document
from services.scheduler.api.schemas.values import to_builtins
from services.scheduler.domain.actions import ClientCertificate, HttpCall
from services.scheduler.domain.jobs import TERMINAL_STATES, Job, JobState
from services.scheduler.domain.secret_fields import HeldSecret
from services.scheduler.portal.jobs.form.paths import Json, drop

_TOLD = (
    "name",
    "collection",
    "status",
    "resolved",
    "createdAt",
    "updatedAt",
    *(
        f"{call}.request.{field}"
        for call in ("action", "action.errorAction", "maintenance.cancel")
        for field in (
            "webhookSigned",
            "authentication.certificateThumbprint",
            "authentication.certificateSubjectName",
            "authentication.certificateExpirationDate",
            "authentication.certificateExpiration",
        )
    ),
)
BLANK: Json = {"recurrence": {"frequency": "hour", "interval": 1}}
"""What the form for a new job begins with: something that is seen to work, and is soon changed."""


class Described(msgspec.Struct, frozen=True):
    """What may be told of a kept certificate."""

    subject: str
    expires_at: datetime


def stored_document(job: Job) -> Json:
    """Return a job's document as it is stored, not as it is shown behind a closed gate."""
    document = {**to_builtins(job_document(job)), "state": job.state.value}
    for path in _TOLD:
        drop(document, path)
    return document


def cloned_document(job: Job) -> Json:
    """Return the document for another job like this one; one that has ended would begin anew."""
    document = stored_document(job)
    return {**document, "state": JobState.ENABLED.value} if job.state in TERMINAL_STATES else document


def described(held: HeldSecret) -> Described | None:
    """Return what is known of the certificate that a secret belongs to; None where it belongs to none."""
    one = held.call.authentication if isinstance(held.call, HttpCall) else None
    if not isinstance(one, ClientCertificate) or one.subject is None or one.expires_at is None:
        return None
    return Described(one.subject, one.expires_at)
