"""One tag of a job's definition in SQL: each database reads JSON with words of its own."""

from typing import Any

from sqlalchemy import ColumnElement, String, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _Tag(FunctionElement[str]):
    """The value of a tag in a JSON text, or NULL: `(text, name)`."""

    type = String()
    inherit_cache = True


def tag(body: ColumnElement[Any], name: str) -> ColumnElement[str]:
    """Return the tag `name` in the column `body`, which holds a job's definition."""
    return _Tag(body, literal(name))


@compiles(_Tag, "postgresql")
def _in_postgresql(element: _Tag, compiler: SQLCompiler, **words: Any) -> str:
    body, name = (compiler.process(clause, **words) for clause in element.clauses)
    return f"((CAST({body} AS json) -> 'tags') ->> {name})"


@compiles(_Tag, "sqlite")
def _in_sqlite(element: _Tag, compiler: SQLCompiler, **words: Any) -> str:
    body, name = (compiler.process(clause, **words) for clause in element.clauses)
    # Paths and arrows would read dots and quotes in the name as their own.
    return f"(SELECT value FROM json_each({body}, '$.tags') WHERE key = {name})"
