"""What a template's parameters are: given on the command line, in a deployment's parameters file, or by default."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec

from services.client.errors import MovingError


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """Values from outside a template, by lower-cased parameter name; texts of `--set` have no type yet."""

    values: dict[str, Any] = msgspec.field(default_factory=dict)
    texts: dict[str, str] = msgspec.field(default_factory=dict)

    def refuse_strangers(self, templates: Sequence[dict[str, Any]]) -> None:
        """Raise MovingError when a value was given that no template takes."""
        known = {name.lower(): name for template in templates for name in declared(template)}
        for name in (*self.values, *self.texts):
            if name not in known:
                near = get_close_matches(name, known, n=1)
                advice = (
                    f"did you mean {known[near[0]]}?" if near else f"known are {', '.join(known.values()) or 'none'}"
                )
                raise MovingError(f"no template has a parameter {name}; {advice}")


def read_given(document: Any, texts: Mapping[str, str]) -> Given:
    """Return the values of a parameters file (None without one) and of `--set`.

    A reference to a key vault gives no value: nobody here can open it. Raises MovingError.
    """
    values: dict[str, Any] = {}
    if document is not None:
        entries = document.get("parameters", document) if isinstance(document, dict) else None
        if not isinstance(entries, dict) or not all(_is_entry(entry) for entry in entries.values()):
            raise MovingError('the parameters file must hold {"parameters": {NAME: {"value": …}}}')
        values = {name.lower(): entry["value"] for name, entry in entries.items() if "value" in entry}
    return Given(values=values, texts={name.lower(): text for name, text in texts.items()})


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and ("value" in entry or "reference" in entry)


def declared(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return a template's declarations by name. Raises MovingError."""
    found = template.get("parameters") or {}
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise MovingError("the template's parameters must be an object of objects")
    return found


def is_secret(declaration: dict[str, Any]) -> bool:
    """Tell whether a parameter holds what Azure never exported."""
    return str(declaration.get("type", "")).lower() in ("securestring", "secureobject")


def typed(name: str, text: str, declaration: dict[str, Any]) -> Any:
    """Return a text of `--set` as its parameter's type. Raises MovingError."""
    kind = str(declaration.get("type", "string")).lower()
    if kind in ("string", "securestring"):
        return text
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError as fault:
        raise MovingError(f"--set {name}: the parameter is of type {kind}; write it as JSON ({fault})") from fault
    wanted = {"int": int, "bool": bool, "array": list, "object": dict, "secureobject": dict}.get(kind, object)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise MovingError(f"--set {name}: the parameter is of type {kind}, {text} is not")
    return value
