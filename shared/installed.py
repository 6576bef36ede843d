"""`python -m shared.installed`: whether Leeward's import names are its own among all that is installed here."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import packages_distributions
from typing import Final

OURS: Final = ("services", "shared")
_OWNER: Final = "leeward"


def intruders(owners: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Say of each package of ours which other distribution brings it, too (docs/adr/0001-layout.md).

    `owners` are the distributions by import name, as `packages_distributions` finds them: two with the same name
    overwrite each other's files, silently.
    """
    for name in OURS:
        for other in sorted(set(owners.get(name, ())) - {_OWNER}):
            yield f"the package {name} is Leeward's, and {other} brings one, too: install them apart"


def absentees(owners: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Say which package of ours is not installed as part of Leeward."""
    for name in OURS:
        if _OWNER not in owners.get(name, ()):
            yield f"the package {name} is not installed from Leeward: pip install leeward"


def main() -> int:
    """Return the exit code: 0 when our names are ours alone, else 1, with a line on each that is not."""
    owners = packages_distributions()
    faults = [*intruders(owners), *absentees(owners)]
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    if not faults:
        sys.stdout.write(f"{', '.join(OURS)}: Leeward's alone\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
