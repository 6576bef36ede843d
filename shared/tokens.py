"""The file of callers' tokens: one a line, by name, role and hash; the tokens themselves never stand in it."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256

import msgspec

from shared.entries import is_entry, read_time, write_time

PREFIX = "lwd_"
"""How every token begins, so that secret scanners find those that leaked."""
TOKEN_BYTES = 32
MOST_BYTES = 1 << 20
ROLES = ("reader", "operator")
HEADER = (
    "# Callers of Leeward's API, one a line:  NAME  ROLE  sha256:HASH  [collections=A,B]  [expires=TIME]\n"
    "# `leeward tokens add` writes such lines; the scheduler reads this file again when it changes (docs/access.md).\n"
)
_HASH = "sha256:"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_COLLECTION = re.compile(
    r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,63}/[A-Za-z0-9_.()-]{0,89}[A-Za-z0-9_()-]/)?[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
)
_FORM = "write NAME ROLE sha256:HASH, then collections=A,B and expires=TIME if wanted"


class TokenEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One caller. `digest` is its token's SHA-256; `collections` None means all; each is `NAME` or `SUB/GROUP/NAME`.

    A fast hash is enough: a token has 256 random bits, which nobody guesses at any speed.
    """

    name: str
    role: str
    digest: str
    collections: tuple[str, ...] | None = None
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        """Raise ValueError that says what to write, and does not repeat what was."""
        if _NAME.fullmatch(self.name) is None:
            raise ValueError("the name takes up to 64 letters, digits and . _ @ -, a letter or digit first")
        if self.role not in ROLES:
            raise ValueError(f"the role is one of {', '.join(ROLES)}")
        if _DIGEST.fullmatch(self.digest) is None:
            raise ValueError("the hash is sha256: and 64 hex digits; a token itself must not stand here")
        if self.collections is not None and not (self.collections and all(map(is_collection, self.collections))):
            raise ValueError("a collection is NAME or SUBSCRIPTION/GROUP/NAME, several are separated by commas")


def token_of(random: bytes) -> str:
    """Return the token that TOKEN_BYTES random bytes make."""
    return PREFIX + random.hex()


def digest_of(token: str) -> str:
    """Return what a tokens file holds in a token's place."""
    return sha256(token.encode("utf-8", errors="surrogateescape")).hexdigest()


def read_tokens(text: str) -> tuple[TokenEntry, ...]:
    """Return the entries of a file's text, in order; raises ValueError with one argument for each fault."""
    faults: list[str] = []
    entries: dict[int, TokenEntry] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not is_entry(line):
            continue
        try:
            entries[number] = _read_line(line)
        except ValueError as fault:
            faults.append(f"line {number}: {fault}")
    faults.extend(_repeated(entries, "name", lambda entry: entry.name.casefold()))
    faults.extend(_repeated(entries, "hash", lambda entry: entry.digest))
    if faults:
        raise ValueError(*faults)
    return tuple(entries.values())


def write_token(entry: TokenEntry) -> str:
    """Return an entry's line."""
    words = [entry.name, entry.role, f"{_HASH}{entry.digest}"]
    if entry.collections is not None:
        words.append(f"collections={','.join(entry.collections)}")
    if entry.expires_at is not None:
        words.append(f"expires={write_time(entry.expires_at)}")
    return f"{'  '.join(words)}\n"


def add_token(lines: list[str], entry: TokenEntry) -> None:
    """Append an entry to a file's lines; raises ValueError when they have its name, or are not in order."""
    present = read_tokens("".join(lines))
    if any(known.name.casefold() == entry.name.casefold() for known in present):
        raise ValueError(f"it has {entry.name} already: remove it first, or choose another name")
    if not lines:
        lines.append(HEADER)
    elif not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    lines.append(write_token(entry))


def remove_token(lines: list[str], name: str) -> None:
    """Take an entry out of a file's lines; raises ValueError when there is none of this name.

    Other lines may be out of order: a token must be removable whatever else is in the file.
    """
    kept = [line for line in lines if not (is_entry(line) and line.split()[0].casefold() == name.casefold())]
    if len(kept) == len(lines):
        raise ValueError(f"it has no token of the name {name}")
    lines[:] = kept


def is_collection(text: str) -> bool:
    """Whether a text names a collection: `NAME`, or `SUBSCRIPTION/GROUP/NAME` for one of another namespace."""
    return _COLLECTION.fullmatch(text) is not None


def _read_line(line: str) -> TokenEntry:
    words = line.split()
    if len(words) < 3:
        raise ValueError(_FORM)
    name, role, hashed, *options = words
    values = dict(_options(options))
    if len(values) != len(options):
        raise ValueError("an option stands there twice")
    collections = values.get("collections")
    return TokenEntry(
        name=name,
        role=role,
        digest=hashed.removeprefix(_HASH).lower() if hashed.startswith(_HASH) else "",
        collections=None if collections is None else tuple(collections.split(",")),
        expires_at=read_time(values["expires"]) if "expires" in values else None,
    )


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        name, _, value = word.partition("=")
        if name not in ("collections", "expires") or not value:
            raise ValueError("after the hash only collections=A,B and expires=TIME may stand")
        yield name, value


def _repeated(entries: dict[int, TokenEntry], what: str, value: Callable[[TokenEntry], str]) -> Iterator[str]:
    first: dict[str, int] = {}
    for number, entry in entries.items():
        if (before := first.setdefault(value(entry), number)) != number:
            yield f"line {number}: the {what} of line {before} again"
