"""What a store asks of SQLite while something happens, statement by statement, whatever the values in them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, Pool

_VALUE = re.compile(r"'(?:[^']|'')*'|\b\d+\b")


class Statements:
    """The statements since the last `take`, in order."""

    def __init__(self) -> None:
        self._heard: list[str] = []

    def take(self) -> list[str]:
        """Return them, values replaced, and forget them."""
        heard, self._heard = self._heard, []
        return [_VALUE.sub("?", statement) for statement in heard]

    def listen(self, connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        """Hear what a new connection executes."""
        connection.run_async(lambda driver: driver.set_trace_callback(lambda text: self._heard.append(text)))


@contextmanager
def statements_heard() -> Iterator[Statements]:
    """Hear every statement of connections opened from now on."""
    statements = Statements()
    event.listen(Pool, "connect", statements.listen)
    try:
        yield statements
    finally:
        event.remove(Pool, "connect", statements.listen)
