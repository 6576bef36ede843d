"""What storage queues take: tokens that can be part of an address, texts that XML can hold."""

import re

_SAS = re.compile(r"(?=.*\bsig=)[A-Za-z0-9%&=+/:.,_~-]+")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 §2.2 has no way to write."""


def sas_token(text: str) -> str:
    """Return a SAS token without the question mark that portals put before it.

    Raises ValueError, which does not quote it, for what can be none: it becomes a part of an address.
    """
    token = text.strip().removeprefix("?")
    if _SAS.fullmatch(token) is None:
        raise ValueError("is no SAS token: it looks like sv=…&sp=a&sig=…, percent-encoded")
    return token


def check_text(message: str) -> None:
    """Raise ValueError for characters that a queue's XML cannot hold."""
    wrong = _NO_XML.search(message)
    if wrong is not None:
        raise ValueError(f"has the character U+{ord(wrong[0]):04X}, which a queue cannot keep: send it in base64")
