"""Other names for hosts and addresses, the same one wherever the same one stood."""

import ipaddress
import re
from collections.abc import Iterable

_VERSION_4 = r"\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)"
_VERSION_6 = r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?![\w:])"
_ADDRESS = re.compile(rf"(?<![\w.:])(?:{_VERSION_4}|{_VERSION_6})")
_SHORTEST = 2


class Pseudonyms:
    """Gives each name and each address a number, in the order in which they come."""

    def __init__(self) -> None:
        """Begin without any."""
        self._names: dict[str, str] = {}
        self._addresses: dict[str, str] = {}

    def know(self, names: Iterable[str]) -> None:
        """Hide these names of hosts, wherever they stand as a word, in any case."""
        for name in names:
            if len(name) >= _SHORTEST and not _is_address(name):
                self._names.setdefault(name.lower(), f"host-{len(self._names) + 1}")

    def replace(self, text: str) -> str:
        """Return the text with other names; loopback addresses stay, since they are nobody's."""
        if self._names:
            words = "|".join(re.escape(name) for name in sorted(self._names, key=len, reverse=True))
            pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{words})(?![A-Za-z0-9])", re.IGNORECASE)
            text = pattern.sub(lambda found: self._names[found[0].lower()], text)
        return _ADDRESS.sub(self._address, text)

    def _address(self, found: re.Match[str]) -> str:
        text = found[0]
        if not _is_address(text) or ipaddress.ip_address(text).is_loopback:
            return text
        return self._addresses.setdefault(text, f"address-{len(self._addresses) + 1}")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
