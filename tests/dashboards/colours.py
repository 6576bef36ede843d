"""Okabe and Ito's palette, which colour-blind people can tell apart, but for the two that vanish on dark or light."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
RED: Final = "#D55E00"
PINK: Final = "#CC79A7"
BROWN: Final = "#9C5A3C"
GREY: Final = "#8E8E8E"

GOOD: Final = GREEN
WARNING: Final = ORANGE
BAD: Final = RED
NEUTRAL: Final = BLUE

HOSTS: Final[Mapping[str, str]] = MappingProxyType(
    {"available": GREEN, "cordoned": SKY, "drained": BLUE, "interrupted": ORANGE, "silent": RED}
)
EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {"Freeze": SKY, "Reboot": ORANGE, "Redeploy": BLUE, "Preempt": RED, "Terminate": PINK, "Other": GREY}
)
OUTCOMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "succeeded": GREEN,
        "failed": RED,
        "held": ORANGE,
        "released": SKY,
        "rerouted": BLUE,
        "repeated": PINK,
        "skipped": GREY,
        "missed": BROWN,
    }
)
DECISIONS: Final[Mapping[str, str]] = MappingProxyType(
    {"ran": GREEN, "held": ORANGE, "rerouted": BLUE, "cancelled": PINK, "skipped": GREY, "missed": RED}
)
STATES: Final[Mapping[str, str]] = MappingProxyType(
    {"active": GREEN, "activating": SKY, "waiting": ORANGE, "failing": RED, "none": GREY}
)
OCCURRENCES: Final[Mapping[str, str]] = MappingProxyType({"ready": SKY, "claimed": BLUE, "held": ORANGE})
NOTICES: Final[Mapping[str, str]] = MappingProxyType(
    {"scheduled": SKY, "rescheduled": BLUE, "started": ORANGE, "completed": GREEN, "cancelled": GREY}
)
QUANTILES: Final[Mapping[str, str]] = MappingProxyType({"p50": GREEN, "p90": BLUE, "p99": ORANGE})
DRAINS: Final[Mapping[str, str]] = MappingProxyType({"draining": ORANGE, "drained": GREEN, "overdue": RED})
PRESENCE: Final[Mapping[str, str]] = MappingProxyType({"online": GREEN, "offline": RED})
