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


class Said(msgspec.Struct, frozen=True):
    """One sentence and how it looks."""

    text: str
    tone: Tone


NOTICES = {
    Notice.REASON: Said("The host was not cordoned: give a reason, for whoever finds it so.", Tone.WARN),
    Notice.HOST: Said("Nothing was changed: no watcher reports that host any more.", Tone.WARN),
    Notice.CORDONED: Said("The host is cordoned: no job starts there until it is released.", Tone.GOOD),
    Notice.RELEASED: Said("The cordon is lifted.", Tone.GOOD),
}


def notice_of(request: web.Request) -> Said | None:
    """Return the sentence that a page was asked to show, None without one."""
    asked = request.query.get("notice", "")
    return next((said for notice, said in NOTICES.items() if notice == asked), None)
