"""Where the accounts and namespaces of a cloud are: an address with a place for their names."""

import re
from collections.abc import Collection
from typing import Self
from urllib.parse import urlsplit

import msgspec

from shared.addresses import is_loopback

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
_ENCRYPTED = frozenset({"https", "amqps"})


class Endpoint(msgspec.Struct, frozen=True):
    """An address template that was checked, such as `https://{account}.queue.core.windows.net`."""

    template: str
    place: str

    @classmethod
    def read(cls, text: str, name: str, schemes: Collection[str]) -> Self:
        """Take a template in which `{name}` may stand once; raises ValueError that says what to write.

        Without encryption (`http`, `amqp`) only a loopback address is taken: what is sent there has credentials in it.
        """
        template, place = text.strip().rstrip("/"), f"{{{name}}}"
        written = template.replace(place, "name", 1)
        try:
            parts = urlsplit(written)
            usable = parts.scheme in schemes and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable or any(sign in written for sign in "{}?#@ "):
            raise ValueError(
                f"write an address such as {_encrypted(schemes)}://{place}.example.net, and no credentials"
            )
        if parts.scheme not in _ENCRYPTED and not is_loopback(parts.hostname or ""):
            raise ValueError(f"{parts.scheme}:// shows credentials to the network: only a loopback address may have it")
        return cls(template, place)

    def at(self, name: str) -> str:
        """Return the address of an account or namespace. Raises ValueError for what cannot be a name of one."""
        return self.template.replace(self.place, checked_name(name))

    def target(self, name: str) -> str:
        """Return the address for telling targets apart; for what cannot be a name, that itself."""
        try:
            return self.at(name)
        except ValueError:
            return name


def checked_name(name: str) -> str:
    """Return an account's or namespace's name in lower case; raises ValueError unless it is one label of a DNS name.

    Anything else in its place could make another host of the address.
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} can be no name here: use letters, digits and hyphens, up to 63")
    return name.lower()


def _encrypted(schemes: Collection[str]) -> str:
    return next(scheme for scheme in schemes if scheme in _ENCRYPTED)
