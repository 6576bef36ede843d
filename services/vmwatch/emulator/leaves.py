"""Parts of the instance document, as Azure serves them below `/metadata/instance/` (reference §1.14)."""

from typing import Any

import msgspec
from aiohttp import web

from services.vmwatch.emulator import unverified
from services.vmwatch.emulator.admission import refusal


def answer_part(request: web.Request, document: dict[str, Any]) -> web.Response:
    """Return the document, or the part of it that the rest of the path names; leaves need `format=text`."""
    part: Any = document
    for name in filter(None, request.match_info.get("part", "").split("/")):
        part = _child(part, name)
    wants_text = request.query.get("format", "json") == "text"
    if not isinstance(part, str):
        shown = _listing(part).encode() if wants_text else msgspec.json.encode(part)
        return web.Response(body=shown, content_type="text/plain" if wants_text else "application/json")
    if not wants_text:
        raise refusal("Bad request. A leaf needs format=text.", status=unverified.LEAF_AS_JSON_STATUS)
    return web.Response(text=part)


def _child(part: Any, name: str) -> Any:
    if isinstance(part, dict) and name in part:
        return part[name]
    if isinstance(part, list) and name.isdecimal() and int(name) < len(part):
        return part[int(name)]
    raise refusal("Not found", status=404)


def _listing(part: Any) -> str:
    """Return the names inside, those with more inside followed by `/`."""
    names = part.items() if isinstance(part, dict) else enumerate(part)
    return "\n".join(str(name) if isinstance(child, str) else f"{name}/" for name, child in names)
