"""The frame that every page stands in: who looks, where the page is, and what is said when it cannot be shown."""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from functools import wraps
from http import HTTPStatus
from pathlib import Path

import jinja2
import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from services.scheduler.api.callers import caller_of, session_of
from services.scheduler.api.ports import Services
from services.scheduler.api.problems import problem_of
from services.scheduler.api.refusals import headers_of
from services.scheduler.api.rights import Right, check, has
from services.scheduler.domain.callers import Caller
from services.scheduler.errors import NotFoundError, StoreUnavailableError
from services.scheduler.portal.notices import notice_of
from shared.errors import LeewardError
from shared.logs import get_logger

HERE = Path(__file__).parent
PARTIAL_HEADER = "HX-Request"
"""With it a page's script asks for what stands inside of the frame alone."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Without a referrer browsers would not say, either, that a form of ours was sent by a page of ours.
    "Referrer-Policy": "same-origin",
    "Vary": PARTIAL_HEADER,
    "X-Content-Type-Options": "nosniff",
}
_ALWAYS_TLS = {"Strict-Transport-Security": "max-age=31536000"}
_NO_STORE = "The store cannot be reached", "The scheduler keeps trying; its log says why. Nothing is lost meanwhile."
_NOT_THERE = "It may have been deleted, or have another name; or it is not for you to see."


class Section(StrEnum):
    """The entries of the navigation."""

    OVERVIEW = "overview"
    JOBS = "jobs"
    COLLECTIONS = "collections"
    HOSTS = "hosts"
    EVENTS = "events"
    HEALTH = "health"


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What one page shows: `template` renders `view` inside the frame.

    A `live` page is rendered again by itself whenever something changes; one with a form to fill in is not.
    """

    title: str
    section: Section
    template: str
    view: object
    live: bool = True
    status: HTTPStatus = HTTPStatus.OK


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why a page cannot be shown, and what to do about it."""

    headline: str
    advice: str


Gather = Callable[[web.Request], Awaitable[Content]]
"""Finds what a page shows. Errors of the project become pages that say what is the matter."""
Handle = Callable[[web.Request], Awaitable[Content | web.Response]]
"""Does what a form says: answers with a page, or leads to another one."""


class Frame:
    """Renders pages."""

    def __init__(self, services: Services, sections: Sequence[Section]) -> None:
        """Read the templates once; `services` are the same that the API uses, the navigation leads to `sections`."""
        self._access = services.access
        self._sections = sections
        self._log = get_logger("portal")
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )

    def page(self, section: Section, gather: Gather) -> Handler:
        """Return the handler of a page that anybody may look at who is let in."""
        return self.form(section, gather, Right.LOOK)

    def form(self, section: Section, handle: Handle, right: Right) -> Handler:
        """Return the handler of what takes a `right`: it answers with a page, or leads to another one (`lead_to`)."""

        @wraps(handle)
        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                check(caller_of(request), right)
                content = await handle(request)
            except LeewardError as fault:
                return self._trouble(request, section, fault, live=right is Right.LOOK)
            return content if isinstance(content, web.Response) else self._show(request, content)

        return answer

    def sign_in(self, request: web.Request, fault: str, status: HTTPStatus, onward: str) -> web.Response:
        """Return the form for a token, with a sentence above it or none; it leads to the page `onward`."""
        return self._render(
            request, "sign_in.html", status, {"fault": fault, "onward": onward, "root": root_of(request)}
        )

    def _show(self, request: web.Request, content: Content) -> web.Response:
        caller = caller_of(request)
        values = {
            "content": content,
            "view": content.view,
            "root": root_of(request),
            "own": own_address(request),
            "caller": self._known(caller),
            "session": session_of(request),
            "may_change": has(caller, Right.CHANGE),
            "may_steer": has(caller, Right.STEER),
            "notice": notice_of(request),
            "sections": self._sections,
        }
        template = "inside.html" if PARTIAL_HEADER in request.headers else "base.html"
        return self._render(request, template, content.status, values)

    def _trouble(self, request: web.Request, section: Section, fault: LeewardError, *, live: bool) -> web.Response:
        """Say in the same frame, with the status that the API would answer, why there is nothing to see.

        Not `live` in place of a form: its address may be for sending only, and a form that comes is not to be renewed.
        """
        problem = problem_of(fault)
        trouble = Trouble(headline=_headline(problem.title, fault), advice=_advice(problem.detail, fault))
        if isinstance(fault, StoreUnavailableError):
            self._log.warning("page shown without data", error=str(fault))
        status = HTTPStatus(problem.status)
        title, template = trouble.headline, "trouble.html"
        content = Content(title=title, section=section, template=template, view=trouble, live=live, status=status)
        response = self._show(request, content)
        response.headers.update(headers_of(fault))
        return response

    def _known(self, caller: Caller) -> Caller | None:
        """Return who looks, None where nobody is asked who he is."""
        return None if self._access.is_open else caller

    def _render(
        self, request: web.Request, template: str, status: HTTPStatus, values: dict[str, object]
    ) -> web.Response:
        headers = {**_HEADERS, **_ALWAYS_TLS} if request.secure else _HEADERS
        text = self._templates.get_template(template).render(**values)
        return web.Response(text=text, content_type="text/html", charset="utf-8", status=status, headers=headers)


def root_of(request: web.Request) -> str:
    """Return the way from a page to the first one, wherever a proxy has put that: nothing, or `../` some times."""
    return "../" * (request.rel_url.raw_path.count("/") - 1)


def own_address(request: web.Request) -> str:
    """Return a page's own address, with its query but without what is said once, from where a browser sees it."""
    address = request.rel_url.without_query_params("notice").raw_path_qs
    return f"{root_of(request)}{address.removeprefix('/')}" or "./"


def lead_to(place: str) -> web.Response:
    """Return what leads a browser from a form to the page at `place`, relative to the form's own address."""
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": place, "Cache-Control": "no-store"})


def _headline(title: str, fault: LeewardError) -> str:
    match fault:
        case StoreUnavailableError():
            return _NO_STORE[0]
        case NotFoundError():
            return "There is no such thing"
        case _:
            return title


def _advice(detail: str, fault: LeewardError) -> str:
    match fault:
        case StoreUnavailableError():
            return _NO_STORE[1]
        case NotFoundError():
            return f"{detail[:1].upper()}{detail[1:]}. {_NOT_THERE}"
        case _:
            return f"{detail[:1].upper()}{detail[1:]}."
