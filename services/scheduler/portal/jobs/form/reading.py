"""From what the form says to a document: what it changes is written into the document it was opened with.

Nothing is judged here beyond what an input's own text can be: the API's reader does that with the whole document.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import msgspec

from services.scheduler.api.schemas.values import Time, rfc3339
from services.scheduler.domain.actions import ActionKind
from services.scheduler.domain.secret_fields import ERROR, MAIN
from services.scheduler.domain.zones import localize
from services.scheduler.errors import InvalidInputError
from services.scheduler.portal.jobs.form.fields import ONCE, RHYTHM, RULE, ZONE, sections
from services.scheduler.portal.jobs.form.inputs import NOTHING, Input, Sent, Widget, chosen
from services.scheduler.portal.jobs.form.paths import Json, drop, look, put
from services.scheduler.portal.jobs.form.showing import fields_of, look_at
from services.scheduler.portal.jobs.form.values import meant, normal

REQUIRED = "is required"


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The document that a form means, and what of it could not be read or is missing."""

    document: Json
    faults: tuple[InvalidInputError, ...] = ()


def document_of(base: Mapping[str, Any], sent: Sent, *, kept: frozenset[str] = frozenset()) -> Reading:
    """Return `base` with what the form says otherwise; what it does not know, and what it leaves alone, stays.

    `kept` are the paths of secrets that need not be given again.
    """
    return _Reader(base, sent, kept).read()


class _Reader:
    """One form on its way into one document."""

    def __init__(self, base: Mapping[str, Any], sent: Sent, kept: frozenset[str]) -> None:
        self._base = base
        self._document: Json = deepcopy(dict(base))
        self._before = fields_of(base)
        self._sent = sent
        self._kept = kept
        self._same_zone = self._text(ZONE) == self._before.get(ZONE, NOTHING)[0]
        self._faults: list[InvalidInputError] = []

    def read(self) -> Reading:
        """Return the document."""
        for section in sections():
            for place in section.left_behind(self._sent, self._before):
                drop(self._document, place)
        for one in chosen(sections(), self._sent):
            try:
                self._take(one)
            except ValueError as fault:
                self._faults.append(InvalidInputError(one.path, str(fault)))
            except InvalidInputError as fault:
                self._faults.append(fault)
        for at in (MAIN, ERROR):
            self._fit_type(at)
        return Reading(document=self._document, faults=tuple(self._faults))

    def _take(self, one: Input) -> None:
        before, texts = look_at(one, self._document), normal(one, self._sent.get(one.key, ()))
        if before is None:
            return
        if one.required and texts == NOTHING and one.path not in self._kept:
            raise InvalidInputError(one.path, REQUIRED)
        if texts != before or self._is_due(one):
            self._write(one, texts[0] if texts else "", meant(one, texts))

    def _is_due(self, one: Input) -> bool:
        """Whether an input has something to say though nobody has touched it."""
        moved = one.widget is Widget.TIME and not self._same_zone
        return moved or (one.blank and look(self._document, one.path) is None)

    def _write(self, one: Input, text: str, value: object) -> None:
        match one.widget:
            case Widget.CALL if not text:
                drop(self._document, one.path.removesuffix(".type"))
            case Widget.RHYTHM:
                self._turn(text)
            case Widget.ZONE if self._text(RHYTHM) == ONCE:
                pass  # a job that runs once has no rule to keep it in: its start becomes an instant
            case Widget.TIME if text:
                put(self._document, one.path, self._instant(text))
            case _ if value is None:
                drop(self._document, one.path)
            case _:
                put(self._document, one.path, value)

    def _turn(self, rhythm: str) -> None:
        """Make room for another rhythm; the inputs that follow say the rest."""
        if rhythm == ONCE:
            drop(self._document, RULE)
        elif not isinstance(self._document.get(RULE), dict):
            put(self._document, RULE, {})

    def _instant(self, wall: str) -> str:
        """Return a time for the document: wall time of the rule's zone, or an instant where there is no rule."""
        zone = self._text(ZONE)
        if not zone or self._text(RHYTHM) != ONCE:
            return wall
        written = Time.parse(wall).value
        return wall if written.tzinfo else rfc3339(localize(written, zone))

    def _fit_type(self, at: str) -> None:
        """Have the type of a request say what its URI says, unless it was there before."""
        if self._text(f"{at}.type") != ActionKind.HTTP or look(self._document, f"{at}.type") is None:
            return
        same_kind = self._before.get(f"{at}.type") == (ActionKind.HTTP.value,)
        if same_kind and _is_https(self._document, at) == _is_https(self._base, at):
            return
        put(self._document, f"{at}.type", _scheme(self._document, at))

    def _text(self, key: str) -> str:
        return next(iter(self._sent.get(key, NOTHING)), "").strip()


def _is_https(document: Mapping[str, Any], at: str) -> bool:
    return str(look(document, f"{at}.request.uri")).lower().startswith("https:")


def _scheme(document: Mapping[str, Any], at: str) -> str:
    return ActionKind.HTTPS.value if _is_https(document, at) else ActionKind.HTTP.value
