"""What Azure usually does by type of event: notice, duration, words, and the versions that tell of it (§1.2-1.5)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

USER: Final = "user"


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One type of event. Seconds are Azure's; a duration of -1 is Azure's "unknown"."""

    notice: float = 900.0
    duration: int = -1
    description: str = ""
    of_user: str = ""
    since: str = ""

    def words(self, source: str) -> str:
        """Return the description that Azure writes for events of that source."""
        return self.of_user if source.lower() == USER and self.of_user else self.description


_KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "freeze": Kind(
            duration=5,
            description="Virtual machine is being paused because of a memory-preserving Live Migration operation.",
        ),
        "reboot": Kind(
            description="Host server is undergoing maintenance.",
            of_user="Virtual machine is going to be restarted as requested by authorized user.",
        ),
        "redeploy": Kind(
            notice=600.0,
            description="Host server is undergoing an emergency repair.",
            of_user="Virtual machine is going to be redeployed as requested by authorized user.",
        ),
        "preempt": Kind(notice=30.0, since="2017-11-01"),
        "terminate": Kind(notice=300.0, since="2019-01-01"),
    }
)
_OTHER: Final = Kind()
TERMINATE: Final = "terminate"


def kind_of(event_type: str) -> Kind:
    """Return what is usual for a type, whatever its case; types that nobody knows are announced like a reboot."""
    return _KINDS.get(event_type.lower(), _OTHER)
