"""The table of routes: what is served where, and what goes in and out."""

from http import HTTPStatus

import msgspec
from aiohttp.typedefs import Handler

from services.scheduler.api.rights import Right, guarded, right_of
from services.scheduler.api.schemas.values import Document

PAGING = ("$top", "$skip")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One route. `answer` None means an empty reply; `listed`: the reply is a page of answers.

    `pattern` is what the router matches where that is not `path`; `about` tells routes of one handler apart. `needs` is
    what the caller must have the right to, where the method does not say it.
    """

    method: str
    path: str
    handler: Handler
    tag: str
    pattern: str = ""
    about: str = ""
    body: type[Document] | None = None
    answer: type[Document] | None = None
    listed: bool = False
    creates: bool = False
    query: tuple[str, ...] = ()
    media_type: str = "application/json"
    status: int = HTTPStatus.OK
    needs: Right | None = None

    @property
    def right(self) -> Right:
        """What it takes to call it."""
        return self.needs or right_of(self.method)

    @property
    def guarded(self) -> Handler:
        """The handler behind the check of that right."""
        return guarded(self.handler, self.right)

    @property
    def name(self) -> str:
        """The operation's id, unique among all."""
        return "_".join(part for part in (self.tag, self.about, self.handler.__name__) if part)

    @property
    def summary(self) -> str:
        """What the route does: the first line of its handler's description."""
        return (self.handler.__doc__ or "").strip().split("\n", 1)[0]
