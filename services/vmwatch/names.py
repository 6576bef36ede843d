"""The names of scale-set members: what Azure calls them, and what they call themselves (reference §1.14).

A member of a *uniform* set is `{set}_{number}` in Azure's documents, and its computer name ends in the same number in
base 36, six digits. A member of a *flexible* set has other random digits in each name, so neither follows from the
other. Events name resources only: a computer name is told for people and never compared with them.
"""

import string
from typing import Final

_DIGITS: Final = string.digits + string.ascii_lowercase
_WIDTH: Final = 6


def instance_of(resource: str, scale_set: str) -> str:
    """Return the number of a uniform set's member, in decimal as Azure writes it; empty for any other VM."""
    found, _, number = resource.rpartition("_")
    is_member = bool(scale_set) and found.lower() == scale_set.lower()
    return number if is_member and number.isascii() and number.isdigit() else ""


def computer_name_of(prefix: str, instance: str) -> str:
    """Return the computer name that Azure gives a uniform set's member; the set's prefix may differ from its name."""
    return f"{prefix}{_base_36(int(instance)).rjust(_WIDTH, '0')}"


def _base_36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits or "0"
