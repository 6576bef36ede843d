"""Callers with tokens in a file, as `leeward tokens add` would have made them."""

import asyncio
from datetime import datetime
from pathlib import Path

from services.scheduler.access.access import Access, AccessRules
from shared.tokens import TOKEN_BYTES, TokenEntry, digest_of, token_of, write_token
from tests.parts.fakes_api import HOME

OPERATOR = token_of(b"o" * TOKEN_BYTES)
READER = token_of(b"r" * TOKEN_BYTES)
ORDERS = token_of(b"s" * TOKEN_BYTES)


def line(
    name: str, token: str, role: str = "operator", *, collections: tuple[str, ...] | None = None, **more: datetime
) -> str:
    """Return a caller's line."""
    return write_token(TokenEntry(name=name, role=role, digest=digest_of(token), collections=collections, **more))


def three_callers(folder: Path) -> Path:
    """Write a file of an operator, a reader, and an operator of one collection, `orders`."""
    path = folder / "tokens"
    scoped = line("orders-bot", ORDERS, collections=("orders",))
    path.write_text(line("ops", OPERATOR) + line("viewer", READER, "reader") + scoped)
    return path


async def change(access: Access, path: Path, text: str | None) -> None:
    """Write the file anew, or delete it, and have it looked at, as happens twice a second."""
    await asyncio.to_thread(_write, path, text)
    await access.look_at_tokens()


def _write(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
    else:
        path.write_text(text, errors="surrogateescape")


def by_file(path: Path) -> AccessRules:
    """Return rules that let in whom a file names."""
    return AccessRules(home=HOME, tokens_file=path)


def bearer(token: str) -> dict[str, str]:
    """Return the header that shows a token."""
    return {"Authorization": f"Bearer {token}"}
