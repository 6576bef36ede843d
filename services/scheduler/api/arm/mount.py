"""The mount itself: where ARM puts names, tags and properties, and what it lets pass."""

import re
from typing import Any

from aiohttp import web

from services.scheduler.api.arm.envelopes import OLD_PREMIUM, arm_collection, arm_history, arm_job
from services.scheduler.api.arm.versions import OLD_VERSION, version_of
from services.scheduler.api.schemas.collections import CollectionDocument
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.strict import spelled
from services.scheduler.api.schemas.values import Document
from services.scheduler.domain.collections import Collection, Namespace, Sku
from services.scheduler.domain.executions import HistoryRow
from services.scheduler.domain.jobs import Job
from services.scheduler.errors import InvalidInputError

_BESIDE = frozenset({"location", "tags"})
_SUBSCRIPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_GROUP = re.compile(r"[\w.()-]{1,90}")


class ArmMount:
    """`/subscriptions/…`: envelopes, any namespace, unknown fields ignored, names of fields in any case."""

    strict = False
    terse = True
    default_sku = Sku.STANDARD

    def namespace(self, request: web.Request) -> Namespace:
        """Return the subscription and group of the path. Raises InvalidInputError."""
        return Namespace(_subscription(request), _group(request))

    def scope(self, request: web.Request) -> tuple[str, str | None]:
        """Return the subscription of the path, and the group if it names one. Raises InvalidInputError."""
        return _subscription(request), _group(request) if "group" in request.match_info else None

    def collection_fields(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the properties, with location and tags, which stand beside them. Raises InvalidInputError."""
        beside = {name: value for name, value in body.items() if name.lower() in _BESIDE}
        fields = spelled({**_properties(body), **beside}, CollectionDocument)
        sku = fields.get("sku")
        if isinstance(sku, dict) and str(sku.get("name")).lower() == OLD_PREMIUM.lower():
            return {**fields, "sku": {"name": Sku.P10_PREMIUM.value}}
        return fields

    def job_fields(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the properties. Raises InvalidInputError."""
        return spelled(_properties(body), JobDocument)

    def collection(self, request: web.Request, collection: Collection) -> Document:
        """Return the collection's envelope."""
        return arm_collection(collection, old_names=version_of(request) == OLD_VERSION)

    def job(self, collection: Collection, job: Job) -> Document:
        """Return the job's envelope."""
        return arm_job(collection, job)

    async def whole_job(self, collection: Collection, job: Job) -> Document:
        """Return the job's envelope: Azure's has no more to say."""
        return arm_job(collection, job)

    def history(self, collection: Collection, job: Job, row: HistoryRow) -> Document:
        """Return the row's envelope."""
        return arm_history(collection, job, row)


def _properties(body: dict[str, Any]) -> dict[str, Any]:
    found = next((value for name, value in body.items() if name.lower() == "properties"), None)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InvalidInputError("properties", "expected an object")
    return found


def _subscription(request: web.Request) -> str:
    return _checked(request.match_info["subscription"], _SUBSCRIPTION, "subscriptionId")


def _group(request: web.Request) -> str:
    return _checked(request.match_info["group"], _GROUP, "resourceGroupName")


def _checked(name: str, pattern: re.Pattern[str], field: str) -> str:
    if not pattern.fullmatch(name) or name.endswith("."):
        raise InvalidInputError(field, f"{name!r} is no name of this kind")
    return name
