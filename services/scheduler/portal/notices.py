"""What a page says after a form was sent: sentences of our own, named in the address that the form led to."""

from enum import StrEnum

import msgspec
from aiohttp import web


class Tone(StrEnum):
    """How a sentence looks."""

    GOOD = "good"
    WARN = "warn"


class Notice(StrEnum):
    """What has come of a form."""

    REASON = "reason"
    HOST = "host"
    CORDONED = "cordoned"
    RELEASED = "released"
    JOB_RUN = "run"
    JOB_ENABLED = "enabled"
    JOB_DISABLED = "disabled"
    JOB_DELETED = "deleted"
    JOB_CREATED = "created"
    JOB_SAVED = "saved"
    COLLECTION_WRITTEN = "collection-written"
    COLLECTION_ENABLED = "collection-enabled"
    COLLECTION_DISABLED = "collection-disabled"
    COLLECTION_DELETED = "collection-deleted"
    REHEARSED = "rehearsed"
    REHEARSAL_CANCELLED = "rehearsal-cancelled"
    REHEARSAL_OVER = "rehearsal-over"


class Said(msgspec.Struct, frozen=True):
    """One sentence and how it looks."""

    text: str
    tone: Tone


NOTICES = {
    Notice.REASON: Said("The host was not cordoned: give a reason, for whoever finds it so.", Tone.WARN),
    Notice.HOST: Said("Nothing was changed: no watcher reports that host any more.", Tone.WARN),
    Notice.CORDONED: Said("The host is cordoned: no job starts there until it is released.", Tone.GOOD),
    Notice.RELEASED: Said("The cordon is lifted.", Tone.GOOD),
    Notice.JOB_RUN: Said("The job was asked to run; its history shows what comes of it.", Tone.GOOD),
    Notice.JOB_ENABLED: Said("The job is enabled: it runs when it is due next.", Tone.GOOD),
    Notice.JOB_DISABLED: Said("The job is disabled: it does not run until it is enabled.", Tone.GOOD),
    Notice.JOB_DELETED: Said("The job is deleted, and its history.", Tone.GOOD),
    Notice.JOB_CREATED: Said("The job is there; below is when it runs.", Tone.GOOD),
    Notice.JOB_SAVED: Said("The job is saved as you have changed it.", Tone.GOOD),
    Notice.COLLECTION_WRITTEN: Said("The collection is saved.", Tone.GOOD),
    Notice.COLLECTION_ENABLED: Said("The collection is open: its jobs run when they are due.", Tone.GOOD),
    Notice.COLLECTION_DISABLED: Said("The collection is closed: none of its jobs runs.", Tone.GOOD),
    Notice.REHEARSED: Said("The rehearsal is announced: watch here what it does.", Tone.GOOD),
    Notice.REHEARSAL_CANCELLED: Said("The rehearsal is cancelled: its hosts are in use again.", Tone.GOOD),
    Notice.REHEARSAL_OVER: Said("Nothing was changed: the rehearsal is over already.", Tone.WARN),
    Notice.COLLECTION_DELETED: Said("The collection is deleted, its jobs, and their history.", Tone.GOOD),
}


def notice_of(request: web.Request) -> Said | None:
    """Return the sentence that a page was asked to show, None without one."""
    asked = request.query.get("notice", "")
    return next((said for notice, said in NOTICES.items() if notice == asked), None)
