"""Writes what the scheduler has: as an ARM template, or as its own documents in one file."""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from services.client.moving.expressions import escape, quote
from services.client.moving.fields import READ_ONLY
from services.client.moving.obstacles import secret_places

_SCHEMA = "https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#"
_API = "2016-03-01"
_COLLECTIONS = "Microsoft.Scheduler/jobCollections"
_BESIDE = ("name", "collection", "location", "tags")
_NOT_IN_NAMES = re.compile(r"\W", re.ASCII)


def write_documents(collections: Sequence[Mapping[str, Any]], jobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return collections and jobs as this scheduler's own documents, without what only it can write."""
    return {"collections": [_bare(one) for one in collections], "jobs": [_bare(one) for one in jobs]}


def write_template(collections: Sequence[Mapping[str, Any]], jobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return an ARM template: every collection, then its jobs; secrets are parameters, since nobody gives them out."""
    parameters: dict[str, Any] = {}
    resources: list[dict[str, Any]] = []
    for collection in collections:
        resources.append(_collection(collection))
        resources += [_job(job, parameters) for job in jobs if job["collection"] == collection["name"]]
    return {
        "$schema": _SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": parameters,
        "variables": {},
        "resources": resources,
        "outputs": {},
    }


def _collection(document: Mapping[str, Any]) -> dict[str, Any]:
    resource = {
        "type": _COLLECTIONS,
        "apiVersion": _API,
        "name": document["name"],
        "location": escape(document.get("location") or "") or "[resourceGroup().location]",
        "tags": _literal(document.get("tags") or {}),
        "properties": _literal(_properties(document)),
    }
    return {name: value for name, value in resource.items() if value != {} or name == "properties"}


def _job(document: Mapping[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    collection, name = document["collection"], document["name"]
    properties = _literal(_properties(document) | ({"tags": document["tags"]} if document.get("tags") else {}))
    for _, holder, secrets in secret_places(properties):
        for secret in secrets:
            if not holder.get(secret):
                holder[secret] = f"[parameters({quote(_parameter(parameters, collection, name, secret))})]"
    return {
        "type": f"{_COLLECTIONS}/jobs",
        "apiVersion": _API,
        "name": f"{collection}/{name}",
        "dependsOn": [f"[resourceId({quote(_COLLECTIONS)}, {quote(collection)})]"],
        "properties": properties,
    }


def _parameter(parameters: dict[str, Any], collection: str, job: str, secret: str) -> str:
    """Declare a parameter for a secret, under a name nobody else has."""
    base = _NOT_IN_NAMES.sub("_", f"{collection}_{job}_{secret}")
    name, number = base, 2
    while name.lower() in {taken.lower() for taken in parameters}:
        name, number = f"{base}_{number}", number + 1
    parameters[name] = {"type": "secureString"}
    return name


def _properties(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in _bare(document).items() if name not in _BESIDE}


def _bare(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: copy.deepcopy(value) for name, value in document.items() if name not in READ_ONLY}


def _literal(value: Any) -> Any:
    """Return a value whose texts a template means as they stand."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, list):
        return [_literal(item) for item in value]
    if isinstance(value, dict):
        return {name: _literal(item) for name, item in value.items()}
    return value
