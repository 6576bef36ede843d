"""The description of the API, made from the structs and the table of routes (OpenAPI 3.1)."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from services.scheduler.api.arm.errors import CODES, ArmProblem
from services.scheduler.api.arm.routes import ARM
from services.scheduler.api.arm.versions import VERSIONS
from services.scheduler.api.authentication import FORM_TOKEN_HEADER
from services.scheduler.api.cookies import PLAIN, SECURE
from services.scheduler.api.endpoints import Endpoint
from services.scheduler.api.examples import EXAMPLES, MORE_EXAMPLES
from services.scheduler.api.problems import CONTENT_TYPE, KINDS, Problem
from services.scheduler.api.rights import Right
from services.scheduler.api.schemas.values import Document, schema_of

_PARAMETER = re.compile(r"\{(\w+)\}")
_REF = "#/components/schemas/{name}"
NAME = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"}
_PATH: dict[str, dict[str, Any]] = {
    "collection": {"schema": NAME, "example": "demo"},
    "job": {"schema": NAME, "example": "nightly"},
    "host": {"schema": {"type": "string", "minLength": 1}, "example": "db-0"},
    "event": {"schema": {"type": "string", "minLength": 1}, "example": "C7061BAC-AFDC-4513-B24B-AA5F13A16123"},
    "subscription": {
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9-]{0,63}$"},
        "example": "00000000-0000-0000-0000-000000000000",
    },
    "group": {"schema": {"type": "string", "pattern": "^[A-Za-z0-9_.()-]{0,89}[A-Za-z0-9_()-]$"}, "example": "default"},
}
_QUERY: dict[str, dict[str, Any]] = {
    "$top": {"schema": {"type": "integer", "minimum": 1, "maximum": 100}, "description": "rows per page"},
    "$skip": {"schema": {"type": "integer", "minimum": 0}, "description": "rows to pass over"},
    "$filter": {
        "schema": {"type": "string"},
        "description": "`state eq Enabled`, `status eq Failed`, `decision eq held`, `tags/team eq 'ops'`, "
        "`at ge 2026-01-31T09:30:00Z`, `type eq Reboot`, joined by `and`",
    },
    "api-version": {
        "required": True,
        "schema": {"type": "string", "enum": list(VERSIONS)},
        "description": "any of the three; they mean the same",
    },
    "count": {"schema": {"type": "integer", "minimum": 1, "maximum": 1000}, "description": "how many, default 10"},
}


_SCHEMES: dict[str, dict[str, Any]] = {
    "token": {"type": "http", "scheme": "bearer", "description": "of the tokens file, or of the OIDC issuer"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": PLAIN,
        "description": f"of the portal ({SECURE} over TLS); changes take the header {FORM_TOKEN_HEADER} as well",
    },
}


def describe(endpoints: Sequence[Endpoint], version: str, *, asks_who: bool) -> dict[str, Any]:
    """Return the OpenAPI document of these routes; `asks_who`: callers have to say who they are."""
    kinds: set[type[Document]] = {kind for one in endpoints for kind in (one.body, one.answer) if kind is not None}
    ordered: list[type[Document]] = sorted((*kinds, Problem, ArmProblem), key=lambda kind: kind.__name__)
    schemas, components = msgspec.json.schema_components(ordered, schema_hook=schema_of, ref_template=_REF)
    refs = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Leeward", "version": version, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "paths": paths,
        "components": {"schemas": components, "responses": _problems(refs), "securitySchemes": _SCHEMES},
        "security": [{name: []} for name in _SCHEMES] if asks_who else [],
    }


def _operation(endpoint: Endpoint, refs: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "parameters": [*_path_parameters(endpoint.path), *_query_parameters(endpoint.query)],
        "responses": _responses(endpoint, refs),
    }
    if endpoint.body is not None:
        examples = {"typical": EXAMPLES[endpoint.body], **MORE_EXAMPLES.get(endpoint.body, {})}
        values = {name: {"value": example} for name, example in examples.items()}
        content = {"schema": refs[endpoint.body], "examples": values}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _responses(endpoint: Endpoint, refs: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "done"}
    if endpoint.answer is not None:
        schema = refs[endpoint.answer]
        content = {"schema": _page_of(schema) if endpoint.listed else schema}
        answer = {"description": "as asked", "content": {endpoint.media_type: content}}
    created = {"201": {**answer, "description": "created"}} if endpoint.creates else {}
    problem = {"$ref": f"#/components/responses/{'ArmProblem' if endpoint.tag == ARM else 'Problem'}"}
    # Any operation may be refused to who is not known; one that changes something, to who may only look.
    refused = dict.fromkeys(("401",) if endpoint.right is Right.LOOK else ("401", "403"), problem)
    return {str(int(endpoint.status)): answer, **created, **refused, "default": problem}


def _problems(refs: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    statuses = ", ".join(f"{kind.status.value} {kind.name}" for kind in KINDS.values())
    codes = ", ".join(f"{kind.status.value} {kind.code}" for kind in CODES.values())
    return {
        "Problem": {
            "description": f"refused or failed ({statuses})",
            "content": {CONTENT_TYPE: {"schema": refs[Problem]}},
        },
        "ArmProblem": {
            "description": f"refused or failed ({codes})",
            "content": {"application/json": {"schema": refs[ArmProblem]}},
        },
    }


def _page_of(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["value"],
        "properties": {"value": {"type": "array", "items": schema}, "nextLink": {"type": ["string", "null"]}},
    }


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, **_PATH[name]} for name in _PARAMETER.findall(path)]


def _query_parameters(names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"name": name, "in": "query", **_QUERY[name]} for name in names]
