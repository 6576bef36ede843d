"""What a document may hold at each place, worked out once: asking msgspec's description each time was half of the cost
of creating a job (measured)."""

from collections.abc import Iterator
from functools import cache

import msgspec
from msgspec import inspect

from services.scheduler.api.schemas.values import Document


class Field(msgspec.Struct, frozen=True):
    """A field of an object."""

    shape: "Shape"
    required: bool
    read_only: bool


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """A place: the fields of the object there, the shape of a mapping's values or of a list's items, as it has any."""

    fields: dict[str, Field] | None = None
    values: "Shape | None" = None
    items: "Shape | None" = None


@cache
def shape_of(kind: type[Document]) -> Shape:
    """Return the shape of a document."""
    return _shape(described(kind))


@cache
def described(kind: type[Document]) -> inspect.Type:
    """Return msgspec's description of a document; cached, since looking it up costs more than reading a job."""
    return inspect.type_info(kind)


def choices(node: inspect.Type) -> Iterator[inspect.Type]:
    """Yield the types that a place may have, unions and annotations resolved."""
    if isinstance(node, inspect.Metadata):
        yield from choices(node.type)
    elif isinstance(node, inspect.UnionType):
        for member in node.types:
            yield from choices(member)
    else:
        yield node


def _shape(node: inspect.Type) -> Shape:
    shape = Shape()
    for choice in choices(node):
        if isinstance(choice, inspect.StructType):
            fields = {field.encode_name: _field(field) for field in choice.fields}
            shape = msgspec.structs.replace(shape, fields=fields)
        elif isinstance(choice, inspect.DictType):
            shape = msgspec.structs.replace(shape, values=_shape(choice.value_type))
        elif isinstance(choice, inspect.ListType):
            shape = msgspec.structs.replace(shape, items=_shape(choice.item_type))
    return shape


def _field(field: inspect.Field) -> Field:
    node = field.type
    marks = (node.extra_json_schema or {}) if isinstance(node, inspect.Metadata) else {}
    return Field(_shape(node), field.required, bool(marks.get("readOnly")))
