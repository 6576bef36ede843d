"""Takes out of a text whatever looks like a secret, whoever wrote it: what is left may be shown to strangers.

What is known to be secret is left out where it stands; this is the second wall, for logs and messages of others.
"""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

Mask = Callable[[str], str]
_HIDDEN = "***"
_ADDRESS = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{0,40}://[^\s\"'<>\\]*")
_WITH_PATHS = ("sqlite", "postgresql", "postgres", "mqtt", "mqtts", "memory")
"""Elsewhere a path may be all that it takes to post something."""
_SPOKEN = re.compile(r"(?i)\b(bearer|basic|digest|negotiate)\s+[A-Za-z0-9+/=._~-]{4,}")
_SAID = re.compile(r"(cordoned by hand: )[^\"\n]+")
"""What an operator gave as a reason: the only words of people in Leeward's own logs."""
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?(-----END [A-Z ]+-----|\Z)", re.DOTALL)
_KNOWN_FORMS = re.compile(r"\b(lwd_|whsec_|eyJ)[A-Za-z0-9+/=._-]+")
_NAMED = re.compile(
    r"(?i)((?<![\w.-])[\w.-]*(?:password|passwd|pwd|passphrase|secret|token|credential|authorization|signature|"
    r"cookie|pfx|(?:api|access|account|shared|sas|private)[_-]?key|\bsig)[\w-]{0,60})(\\?[\"']?\s*[=:]\s*)"
    r"(\\?\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s,;&}\])]+)"
)
"""Begins where a word does and bounds what follows the sign: else a long word would take time with its square."""
_HARMLESS = ("_file", "_dir", "_env", "_claim", "_total", "_seconds")
"""Ends of names that speak of secrets and are none."""
_LONG = re.compile(r"(?<![\w+=-])(?=(?:[A-Za-z+_=-]*\d){4})[A-Za-z0-9+_=-]{40,}(?![\w+=-])")
"""Long and mixed like keys and hashes; no id that helps anybody is as long."""
_BASE64 = re.compile(
    r"(?<![\w+/=.-])(?=(?:[A-Za-z+/]*\d){4})(?=[^\sa-z]*[a-z])(?=[^\sA-Z]*[A-Z])[A-Za-z0-9+/]{40,}={0,2}"
    r"(?![\w+/=-]|\.\w)"
)
"""The same in the alphabet that has slashes; paths and ids of resources have dots, dashes or no capitals, too."""


def mask(text: str) -> str:
    """Return the text without passwords, tokens, keys, the paths and queries of web addresses, and who signs in."""
    text = _PEM.sub(_HIDDEN, text)
    text = _ADDRESS.sub(_address, text)
    text = _SAID.sub(rf"\1{_HIDDEN}", text)
    text = _SPOKEN.sub(rf"\1 {_HIDDEN}", text)
    text = _KNOWN_FORMS.sub(_HIDDEN, text)
    text = _NAMED.sub(_named, text)
    text = _BASE64.sub(_HIDDEN, text)
    return _LONG.sub(_HIDDEN, text)


def origin(address: str) -> str:
    """Return scheme, host and port of an address, and a sign that there was more; `***` for one that is none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return _HIDDEN
    place = parts.netloc.rpartition("@")[2]
    if not parts.scheme or (parts.netloc.count("@") and ":" in place and not _is_port(place)):
        return _HIDDEN
    return f"{parts.scheme}://{place}{'/…' if parts.path.strip('/') or parts.query else ''}"


def _address(found: re.Match[str]) -> str:
    address = found[0]
    scheme, _, rest = address.partition("://")
    if scheme.lower() not in _WITH_PATHS:
        return origin(address)
    # The last @ ends who signs in, also where a password has signs that it should not have.
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def _is_port(place: str) -> bool:
    host, _, port = place.rpartition(":")
    return bool(host) and port.isdigit()


def _named(found: re.Match[str]) -> str:
    name, middle, value = found.groups()
    if name.lower().endswith(_HARMLESS):
        return found[0]
    sign = '"' if value.lstrip("\\").startswith('"') else ""
    return f"{name}{middle}{sign}{_HIDDEN}{sign}"
