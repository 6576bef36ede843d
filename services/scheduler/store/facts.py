"""What is found out about a database by looking at it: nothing is migrated, locked, made or changed by that.

For who wants to know why no store can be opened (`leeward doctor`): `store.diagnosis` finds them.
"""

from datetime import timedelta
from pathlib import Path

import msgspec


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """The schema level of the database, None where there is no schema yet, and the one that this program knows."""

    present: int | None
    known: int


class Connections(msgspec.Struct, frozen=True, kw_only=True):
    """How many connections there are, and how many there may be: of the narrowest limit, which `scope` names."""

    used: int
    limit: int
    scope: str


class ServerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A PostgreSQL server as one of its clients sees it.

    `offset` is how far this machine's clock is ahead of the server's, known to half of `round_trip`. `missing` are the
    rights that the account lacks, in plain words; `can_create` is the one to make tables, which migrations need.
    """

    version: str
    level: Level
    is_encrypted: bool
    is_standby: bool
    offset: timedelta
    round_trip: timedelta
    connections: Connections
    can_create: bool
    missing: tuple[str, ...]
    replicas: tuple[str, ...]


class FileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A SQLite file and its folder; sizes in bytes. `level` is None where there is no file.

    `is_open` when a scheduler has it; `is_exposed` when others than its owner may read it. `damage` is what SQLite's
    own check says, empty when all is well, None when the check was not finished in time.
    """

    path: Path
    level: Level | None
    is_writable: bool
    is_exposed: bool
    is_open: bool
    size: int
    log_size: int
    free: int
    has_log: bool
    damage: str | None


Facts = ServerFacts | FileFacts
