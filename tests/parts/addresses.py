"""Every route of an application with an address to call it by, made from the router: a new route cannot be left out."""

import re

import msgspec
from aiohttp import web

_FIXED = re.compile(r"\(\?P<(?P<name>_\d+)>\(\?i:(?P<text>[^)]*)\)\)")
_NAME = re.compile(r"\{(\w+)\}")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A method and a path that lead to one route; `pattern` names the route, its parameters in braces."""

    method: str
    pattern: str
    path: str

    def __str__(self) -> str:
        """Return it as a test's name."""
        return f"{self.method} {self.pattern}"


def addresses(app: web.Application, **names: str) -> list[Address]:
    """Return all routes, `names` in place of their parameters. Raises KeyError for a parameter that has no name."""
    return [_address(route, names) for route in app.router.routes() if route.method != "*"]


def _address(route: web.AbstractRoute, names: dict[str, str]) -> Address:
    assert route.resource is not None
    info = route.resource.get_info()
    if "formatter" not in info:
        path = info.get("path") or f"{info['prefix']}/portal.css"
        return Address(method=route.method, pattern=path, path=path)
    fixed = {
        match["name"]: re.sub(r"\\(.)", r"\1", match["text"]) for match in _FIXED.finditer(info["pattern"].pattern)
    }
    known = {**names, **fixed}
    readable = info["formatter"].format(
        **{name: fixed.get(name, f"{{{name}}}") for name in _NAME.findall(info["formatter"])}
    )
    return Address(method=route.method, pattern=readable, path=info["formatter"].format(**known))
