"""How a job remembers that it came from files: a tag that names whose files, and itself."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import click
import msgspec

from services.client.applying.secrets import Given, digest_of
from services.client.moving.fields import part

TAG = "leeward.io/applied"
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What the tag says: whose files, and what stood there for secrets (which no reply shows)."""

    owner: str
    secrets: str = ""


def check_owner(name: str) -> str:
    """Return the name of an owner; raises BadParameter."""
    if not _OWNER.fullmatch(name):
        raise click.BadParameter(f"{name!r}: up to 64 letters, digits, '-', '_', '.'", param_hint="--owner")
    return name


def mark_of(collection: str, job: Mapping[str, Any]) -> Mark | None:
    """Return a job's mark; None for one that was made by hand.

    The tag names its job, so that a copy under another name, or in another collection, is nobody's.
    """
    owner, _, rest = str(part(job, "tags").get(TAG, "")).partition(":")
    itself, _, secrets = rest.partition(":")
    return Mark(owner=owner, secrets=secrets) if itself == _identity(collection, str(job.get("name"))) else None


def marked(document: Mapping[str, Any], collection: str, name: str, mark: Mark) -> dict[str, Any]:
    """Return a job's document with its mark."""
    tag = f"{mark.owner}:{_identity(collection, name)}:{mark.secrets}"
    return {**document, "tags": {**part(document, "tags"), TAG: tag}}


def unmarked(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job's document without a mark, as it is compared."""
    tags = {name: value for name, value in part(document, "tags").items() if name != TAG}
    rest = {name: value for name, value in document.items() if name != "tags"}
    return {**rest, "tags": tags} if tags else rest


def mark_for(owner: str, secrets: Sequence[Given]) -> Mark:
    """Return the mark of a job that is applied."""
    return Mark(owner=owner, secrets=digest_of(secrets))


def _identity(collection: str, name: str) -> str:
    """Return a short name of a job: the two names themselves would not fit into a tag."""
    return sha256(f"{collection}/{name}".lower().encode()).hexdigest()[:16]
