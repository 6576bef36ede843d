"""Evaluates an ARM template: every resource of it, nested ones flattened, expressions replaced by their values."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from services.client.errors import ExpressionError, MovingError
from services.client.moving.expressions import Function, evaluate, is_expression, parse, unescape
from services.client.moving.functions import FUNCTIONS, text, whole
from services.client.moving.parameters import Given, declared, is_secret, typed

PROVIDER = "microsoft.scheduler/"
_MOST_COPIES = 10_000
_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
_GROUP = {
    "name": "default",
    "id": f"/subscriptions/{_SUBSCRIPTION}/resourceGroups/default",
    "location": "",
}
"""What `resourceGroup()` gives; without a location, since it has no effect here."""


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """One resource with its full type and name, `a/b` for a child; `body` is the rest, evaluated."""

    type: str
    name: str
    body: dict[str, Any]


def is_template(document: object) -> bool:
    """Tell a template from other documents."""
    if not isinstance(document, dict):
        return False
    return "deploymenttemplate" in str(document.get("$schema", "")).lower() or (
        "resources" in document and "properties" not in document and "jobs" not in document
    )


def read_template(template: dict[str, Any], given: Given) -> list[Resource]:
    """Return the template's resources. Raises MovingError, ExpressionError.

    Resources of other providers come without their properties: those may call for what only Azure knows.
    """
    return list(_Template(template, given).resources())


class _Template:
    def __init__(self, template: dict[str, Any], given: Given) -> None:
        self._template = template
        self._parameters = {name.lower(): (name, declaration) for name, declaration in declared(template).items()}
        self._variables = {name.lower(): value for name, value in (template.get("variables") or {}).items()}
        self._known: dict[str, Any] = {}
        self._opening: list[str] = []
        self._copies: list[tuple[str, int]] = []
        self._functions: dict[str, Function] = {
            **FUNCTIONS,
            "copyindex": self._copy_index,
            "parameters": self._parameter,
            "resourcegroup": lambda _: dict(_GROUP),
            "resourceid": _resource_id,
            "subscription": lambda _: {"subscriptionId": _SUBSCRIPTION, "id": f"/subscriptions/{_SUBSCRIPTION}"},
            "variables": self._variable,
        }
        self._given = self._take(given)

    def resources(self) -> Iterator[Resource]:
        for raw in _listed(self._template.get("resources"), "resources"):
            yield from self._copied(raw, "", "")

    def _take(self, given: Given) -> dict[str, Any]:
        found: dict[str, Any] = {}
        missing: list[str] = []
        for key, (name, declaration) in self._parameters.items():
            if key in given.texts:
                found[key] = typed(name, given.texts[key], declaration)
            elif key in given.values:
                found[key] = given.values[key]
            elif is_secret(declaration) and declaration.get("defaultValue") is None:
                found[key] = None
            elif "defaultValue" not in declaration:
                missing.append(name)
        if missing:
            raise MovingError(
                f"parameters without a value: {', '.join(missing)}; give --set {missing[0]}=VALUE, or --parameters FILE"
            )
        return found

    def _copied(self, raw: dict[str, Any], parent_type: str, parent_name: str) -> Iterator[Resource]:
        copy = raw.get("copy")
        if copy is None:
            yield from self._resource(raw, parent_type, parent_name)
            return
        if not isinstance(copy, dict):
            raise MovingError("copy must be an object with name and count")
        count = self._count(copy)
        for number in range(count):
            self._copies.append((str(copy.get("name", "")).lower(), number))
            yield from self._resource(raw, parent_type, parent_name)
            self._copies.pop()

    def _count(self, copy: dict[str, Any]) -> int:
        count = self._value(copy.get("count"))
        if not isinstance(count, int) or not 0 <= count <= _MOST_COPIES:
            raise MovingError(f"copy {copy.get('name')}: count must be 0 to {_MOST_COPIES}, not {count!r}")
        return count

    def _resource(self, raw: dict[str, Any], parent_type: str, parent_name: str) -> Iterator[Resource]:
        if self._value(raw.get("condition", True)) is False:
            return
        short, name = raw.get("type"), self._value(raw.get("name"))
        if not isinstance(short, str) or not isinstance(name, str):
            raise MovingError(f"a resource must have a type and a name: {short!r}, {name!r}")
        nested = bool(parent_type)
        full = f"{parent_type}/{short}" if nested and not short.lower().startswith(PROVIDER) else short
        # A child inside of its parent is called by its last name, though some exports repeat the whole.
        name = f"{parent_name}/{name}" if nested and "/" not in name else name
        ours = full.lower().startswith(PROVIDER)
        kept = {key: value for key, value in raw.items() if key in ("location", "tags", "properties")}
        yield Resource(type=full, name=name, body=self._value(kept) if ours else {})
        for child in _listed(raw.get("resources"), f"resources of {name}") if ours else ():
            yield from self._copied(child, full, name)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, dict):
            return {name: self._value(item) for name, item in value.items()}
        return value

    def _text(self, source: str) -> Any:
        if not is_expression(source):
            return unescape(source)
        tree = parse(source)
        try:
            return evaluate(tree, self._functions)
        except ValueError as fault:
            raise ExpressionError(source, str(fault)) from fault

    def _parameter(self, values: Sequence[Any]) -> Any:
        key = _name(values, "parameters")
        if key in self._given:
            return self._given[key]
        if key not in self._parameters:
            raise ValueError(f"the template has no parameter {values[0]!r}")
        return self._once(f"parameter {key}", self._parameters[key][1].get("defaultValue"))

    def _variable(self, values: Sequence[Any]) -> Any:
        key = _name(values, "variables")
        if key not in self._variables:
            raise ValueError(f"the template has no variable {values[0]!r}")
        return self._once(f"variable {key}", self._variables[key])

    def _once(self, label: str, source: Any) -> Any:
        """Evaluate a default or a variable when it is first needed, and refuse one that needs itself."""
        if label in self._opening:
            raise ValueError(f"{label} refers to itself")
        if label not in self._known:
            self._opening.append(label)
            self._known[label] = self._value(source)
            self._opening.pop()
        return self._known[label]

    def _copy_index(self, values: Sequence[Any]) -> int:
        wanted = next((value.lower() for value in values if isinstance(value, str)), None)
        offset = next((whole(value) for value in values if not isinstance(value, str)), 0)
        for name, number in reversed(self._copies):
            if wanted in (None, name):
                return number + offset
        raise ValueError("copyIndex() stands outside of the copy it counts")


def _resource_id(values: Sequence[Any]) -> str:
    parts = [text(value) for value in values]
    first = next((number for number, part in enumerate(parts) if "/" in part), None)
    if first is None:
        raise ValueError("resourceId() needs a resource type such as 'Microsoft.Scheduler/jobCollections'")
    provider, *types = parts[first].split("/")
    names = [name for part in parts[first + 1 :] for name in part.split("/")]
    if len(types) != len(names):
        raise ValueError(f"resourceId() has {len(names)} names for {parts[first]}")
    path = "/".join(f"{kind}/{name}" for kind, name in zip(types, names, strict=True))
    return f"{_GROUP['id']}/providers/{provider}/{path}"


def _name(values: Sequence[Any], function: str) -> str:
    if len(values) != 1 or not isinstance(values[0], str):
        raise ValueError(f"{function}() takes one name")
    return values[0].lower()


def _listed(resources: Any, where: str) -> list[dict[str, Any]]:
    found = list(resources.values()) if isinstance(resources, Mapping) else resources or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise MovingError(f"{where} must be an array of objects")
    return found
