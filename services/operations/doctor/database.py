"""The database: is it reached, is it ours, is it of our age, may we write to it, is there room; and its clock."""

from datetime import timedelta
from typing import Final

from services.operations.doctor.findings import Notes
from services.scheduler.errors import InvalidInputError, StoreUnavailableError
from services.scheduler.store.diagnosis import diagnose
from services.scheduler.store.facts import FileFacts, Level, ServerFacts

CONNECTIONS: Final = 10
"""What one replica uses at the most (docs/reliability.md)."""
_SKEW: Final = timedelta(seconds=1)
_GRAVE_SKEW: Final = timedelta(seconds=30)
_LITTLE: Final = 512 << 20
_LEAST: Final = 64 << 20
_LARGE_LOG: Final = 256 << 20
_MEGABYTE: Final = 1 << 20
_UPGRADE: Final = "it comes to the present level when a scheduler of this version starts on it; back it up before that"


async def examine_database(url: str, seconds: float, notes: Notes) -> None:
    """Look at it for so many seconds."""
    try:
        facts = await diagnose(url, seconds=seconds)
    except InvalidInputError as fault:
        notes.fail("address", str(fault), "correct LEEWARD_DATABASE_URL")
        return
    except StoreUnavailableError as fault:
        remedy = "start the database, or correct LEEWARD_DATABASE_URL; look at firewalls and at the account's password"
        notes.fail("reached", f"the database cannot be used: {fault}", remedy)
        return
    match facts:
        case ServerFacts():
            _judge_server(facts, notes)
        case FileFacts():
            _judge_file(facts, notes)
        case None:
            remedy = "use sqlite:/// or postgresql:// for anything that is to last"
            notes.warn("kind", "jobs are kept in memory and forgotten when the scheduler ends", remedy)


def _judge_server(facts: ServerFacts, notes: Notes) -> None:
    tls = "with TLS" if facts.is_encrypted else "without TLS"
    took = facts.round_trip / timedelta(milliseconds=1)
    notes.ok("reached", f"PostgreSQL {facts.version} answers in {took:.1f} ms, {tls}")
    if facts.is_standby:
        notes.fail("role", "the server is a standby and takes no changes", "name the primary in LEEWARD_DATABASE_URL")
    _judge_level(facts.level, notes)
    _judge_rights(facts, notes)
    _judge_connections(facts, notes)
    _judge_clock(facts, notes)
    if facts.replicas:
        notes.ok("replicas", f"registered there: {', '.join(facts.replicas)}")


def _judge_level(level: Level, notes: Notes) -> None:
    if level.present is None:
        notes.warn("schema", "the database has no tables of Leeward yet", "a scheduler makes them when it starts")
    elif level.present > level.known:
        what = f"its schema has level {level.present}, and this program knows {level.known}: it was used by a newer one"
        notes.fail("schema", what, "install the version that used it last, or restore a backup made before the upgrade")
    elif level.present < level.known:
        notes.warn("schema", f"its schema has level {level.present}, and this program's is {level.known}", _UPGRADE)
    else:
        notes.ok("schema", f"its schema has this program's level, {level.present}")


def _judge_rights(facts: ServerFacts, notes: Notes) -> None:
    needs_tables = facts.level.present is None or facts.level.present < facts.level.known
    if facts.missing:
        few = ", ".join(facts.missing[:5])
        more = f" and {len(facts.missing) - 5} more" if len(facts.missing) > 5 else ""
        notes.fail("rights", f"the account lacks {few}{more}", "grant it, or have the account own the tables")
    elif needs_tables and not facts.can_create:
        what = "the account may not make tables, and the schema is to be made or brought up to date"
        notes.fail("rights", what, "GRANT CREATE ON SCHEMA public TO the account, or make it the database's owner")
    else:
        notes.ok("rights", "the account may do what a scheduler does there")


def _judge_connections(facts: ServerFacts, notes: Notes) -> None:
    found = facts.connections
    left = found.limit - found.used
    text = f"{found.used} of {found.limit} connections of {found.scope} are in use"
    if left < CONNECTIONS:
        remedy = f"raise the limit: each replica uses up to {CONNECTIONS}, and twice that during an upgrade"
        notes.warn("connections", f"{text}: there is no room for another replica", remedy)
    else:
        notes.ok("connections", text)


def _judge_clock(facts: ServerFacts, notes: Notes) -> None:
    off = abs(facts.offset)
    way = "ahead of" if facts.offset > timedelta() else "behind"
    text = f"this machine's clock is {off.total_seconds():.3f} s {way} the database's"
    if off > _GRAVE_SKEW:
        remedy = "set both by NTP (chrony, systemd-timesyncd): tokens, certificates and watchers go by this clock"
        notes.fail("clock", text, remedy)
    elif off > _SKEW:
        notes.warn("clock", f"{text}; jobs go by the database's", "set both by NTP (chrony, systemd-timesyncd)")
    else:
        notes.ok("clock", text)


def _judge_file(facts: FileFacts, notes: Notes) -> None:
    if not facts.is_writable:
        remedy = "let the account that runs the scheduler write to the file and its folder"
        notes.fail("file", f"{facts.path} cannot be written to by this account", remedy)
    elif facts.level is None:
        notes.warn(
            "file", f"there is no file {facts.path} yet", "a scheduler makes it when it starts; is the path right?"
        )
    else:
        used = "a scheduler has it open" if facts.is_open else "no scheduler has it open"
        notes.ok("file", f"{facts.path} has {facts.size // _MEGABYTE} MB, and {used}")
    if facts.is_exposed:
        notes.warn("access", f"others than its owner may read {facts.path}", f"chmod 600 {facts.path}")
    _judge_room(facts, notes)
    if facts.level is not None:
        _judge_level(facts.level, notes)
        _judge_soundness(facts, notes)


def _judge_room(facts: FileFacts, notes: Notes) -> None:
    text = f"{facts.free // _MEGABYTE} MB are free where the file is"
    if facts.free < _LEAST:
        notes.fail("disk", text, "make room: without it nothing is written, and no job is claimed")
    elif facts.free < _LITTLE:
        notes.warn("disk", text, "make room, or have history kept for less long")
    else:
        notes.ok("disk", text)


def _judge_soundness(facts: FileFacts, notes: Notes) -> None:
    if not facts.has_log:
        notes.warn("wal", "the file is not in WAL mode", "the scheduler sets it when it starts; do not change it back")
    elif facts.log_size > _LARGE_LOG:
        what = f"the log beside it has {facts.log_size // _MEGABYTE} MB: something reads the file for very long"
        notes.warn("wal", what, "end what else has the file open; the scheduler empties the log then")
    if facts.damage is None:
        notes.skip("soundness", "the file is too large to be checked in this time", "give it more with --seconds")
    elif facts.damage:
        remedy = "stop the scheduler and restore a backup (leeward restore)"
        notes.fail("soundness", f"the file is damaged: {facts.damage}", remedy)
    else:
        notes.ok("soundness", "SQLite's own check finds the file sound")
