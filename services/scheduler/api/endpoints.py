"""The table of routes: what is served where, and what goes in and out."""

import msgspec
from aiohttp.typedefs import Handler

from services.scheduler.api.schemas.values import Document

PAGING = ("$top", "$skip")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One route. `answer` None means an empty reply; `listed`: the reply is a page of answers."""

    method: str
    path: str
    handler: Handler
    tag: str
    body: type[Document] | None = None
    answer: type[Document] | None = None
    listed: bool = False
    creates: bool = False
    query: tuple[str, ...] = ()
    media_type: str = "application/json"

    @property
    def name(self) -> str:
        """The operation's id, unique among all."""
        return f"{self.tag}_{self.handler.__name__}"

    @property
    def summary(self) -> str:
        """What the route does: the first line of its handler's description."""
        return (self.handler.__doc__ or "").strip().split("\n", 1)[0]
