"""What differs between the ways into one resource model: names, envelopes, strictness."""

from typing import Any, Protocol

from aiohttp import web
from msgspec.structs import replace

from services.scheduler.api.ports import Services
from services.scheduler.api.schemas.collections import collection_document
from services.scheduler.api.schemas.history import history_document
from services.scheduler.api.schemas.job_writer import job_document
from services.scheduler.api.schemas.maintenance_writer import resolved_document
from services.scheduler.api.schemas.values import Document
from services.scheduler.domain.collections import Collection, Namespace, Sku
from services.scheduler.domain.executions import HistoryRow
from services.scheduler.domain.jobs import Job


class Mount(Protocol):
    """One way in; the handlers are the same behind all of them."""

    @property
    def strict(self) -> bool:
        """Whether unknown fields are refused."""
        ...

    @property
    def terse(self) -> bool:
        """Whether verbs (run, enable, disable) answer with an empty body."""
        ...

    @property
    def default_sku(self) -> Sku:
        """The plan of a collection that names none."""
        ...

    def namespace(self, request: web.Request) -> Namespace:
        """Return the subscription and group a request is about. Raises InvalidInputError."""
        ...

    def scope(self, request: web.Request) -> tuple[str, str | None]:
        """Return subscription and group of a list; None: all groups. Raises InvalidInputError."""
        ...

    def collection_fields(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the flat collection document inside a body. Raises InvalidInputError."""
        ...

    def job_fields(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the flat job document inside a body. Raises InvalidInputError."""
        ...

    def collection(self, request: web.Request, collection: Collection) -> Document:
        """Return a collection as replies show it."""
        ...

    def job(self, collection: Collection, job: Job) -> Document:
        """Return a job as replies show it."""
        ...

    async def whole_job(self, collection: Collection, job: Job) -> Document:
        """Return a job as its own route shows it, with what would be too much in a list."""
        ...

    def history(self, collection: Collection, job: Job, row: HistoryRow) -> Document:
        """Return a history row as replies show it."""
        ...


class ShortMount:
    """`/api/v1`: flat documents, one namespace, strict."""

    strict = True
    terse = False
    default_sku = Sku.UNLIMITED

    def __init__(self, services: Services) -> None:
        self._namespace = Namespace(services.subscription, services.resource_group)
        self._rules = services.rules

    def namespace(self, _request: web.Request) -> Namespace:
        """Return the one namespace there is (DESIGN §5, Namespaces)."""
        return self._namespace

    def scope(self, _request: web.Request) -> tuple[str, str | None]:
        """Return the one namespace."""
        return self._namespace.subscription, self._namespace.resource_group

    def collection_fields(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body: it is flat."""
        return body

    def job_fields(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body: it is flat."""
        return body

    def collection(self, _request: web.Request, collection: Collection) -> Document:
        """Return the collection's document."""
        return collection_document(collection)

    def job(self, _collection: Collection, job: Job) -> Document:
        """Return the job's document."""
        return job_document(job)

    async def whole_job(self, _collection: Collection, job: Job) -> Document:
        """Return the job's document with what applies to it of all policies."""
        resolved = resolved_document(self._rules.policies(job), await self._rules.expected(job))
        return replace(job_document(job), resolved=resolved)

    def history(self, _collection: Collection, _job: Job, row: HistoryRow) -> Document:
        """Return the row's document."""
        return history_document(row)
