"""What a browser sent of the form: the inputs, and what the form was opened with."""

from enum import StrEnum
from typing import TypeVar

import msgspec
from aiohttp import web

from services.scheduler.api.requests import read_form
from services.scheduler.api.schemas.strict import parse
from services.scheduler.errors import InvalidInputError
from services.scheduler.portal.jobs.form.fields import sections
from services.scheduler.portal.jobs.form.inputs import Sent, Texts
from services.scheduler.portal.jobs.form.paths import Json

T = TypeVar("T", bound=StrEnum)

TEXT = "document"
"""The input that holds the whole document."""
NAME, COLLECTION = "name", "collection"
REMOVED = "removed"
"""Boxes that take a secret away, each with the secret's path."""


class Tab(StrEnum):
    """How the document is edited."""

    FIELDS = "fields"
    JSON = "json"


class Button(StrEnum):
    """What to do with it."""

    SAVE = "save"
    CHECK = "check"
    AS_JSON = "json"
    AS_FIELDS = "fields"


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """One form as it was sent. `base` is the document it was opened with: that of the stored job's `revision`, if any.

    `place` is its collection, as `group/collection`; `original` is the job that it was cloned from.
    """

    button: Button = Button.SAVE
    tab: Tab = Tab.FIELDS
    name: str = ""
    place: str = ""
    original: str = ""
    revision: int | None = None
    base: Json
    fields: Sent = {}
    removed: Texts = ()
    text: str = ""


async def read_sent(request: web.Request) -> Form:
    """Return the form of a request. Raises InvalidInputError for what no page of ours sends."""
    sent = await read_form(request)

    def text(name: str) -> str:
        return next(iter(sent.get(name, ())), "")

    revision = text("revision")
    return Form(
        button=_one_of(Button, text("do"), Button.SAVE),
        tab=_one_of(Tab, text("tab"), Tab.FIELDS),
        name=text(NAME).strip(),
        place=text(COLLECTION).strip(),
        original=text("original"),
        revision=int(revision) if revision.isascii() and revision.isdigit() and len(revision) < 18 else None,
        base=_base(text("base")),
        fields={one.key: sent.get(one.key, ()) for section in sections() for one in section.inputs()},
        removed=sent.get(REMOVED, ()),
        text=text(TEXT),
    )


def _base(text: str) -> Json:
    try:
        return parse(text.encode(errors="replace"))
    except InvalidInputError as fault:
        raise InvalidInputError("base", "the form does not hold what it was opened with; open it again") from fault


def _one_of(kind: type[T], text: str, default: T) -> T:
    return kind(text) if text in list(kind) else default
