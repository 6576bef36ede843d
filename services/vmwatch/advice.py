"""What to do about a metadata service that cannot be read, for people who look why."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.vmwatch.errors import MetadataOutcome

_NOT_AZURE: Final = (
    "something else answers at this address: look at LEEWARD_IMDS_URL, and whether a proxy is in between"
)
_NOT_THERE: Final = (
    "the address answers on Azure VMs only, from the primary network interface, over a route to 169.254.169.254/32; a"
    " container needs the host's network, a VM outside of a virtual network LEEWARD_IMDS_URL=dhcp; without Azure"
    " try leeward-imds"
)
_PASSES: Final = "Azure's own fault; it passes"
_ADVICE: Final[Mapping[MetadataOutcome, str]] = MappingProxyType(
    {
        MetadataOutcome.BAD_REQUEST: "look at LEEWARD_IMDS_API_VERSION, and whether something adds X-Forwarded-For",
        MetadataOutcome.NOT_ALLOWED: _NOT_AZURE,
        MetadataOutcome.NOT_FOUND: "look at LEEWARD_IMDS_URL: it is what comes before /metadata",
        MetadataOutcome.GONE: "Azure moves the service; it takes 70 seconds at most",
        MetadataOutcome.THROTTLED: (
            "more than five requests a second leave this VM: look which other programs ask 169.254.169.254, or raise"
            " LEEWARD_POLL_SECONDS"
        ),
        MetadataOutcome.SERVER_ERROR: _PASSES,
        MetadataOutcome.REDIRECT: _NOT_AZURE,
        MetadataOutcome.UNEXPECTED: _NOT_AZURE,
        MetadataOutcome.TIMEOUT: _NOT_THERE,
        MetadataOutcome.UNREACHABLE: _NOT_THERE,
        MetadataOutcome.TOO_BIG: "Azure says less about a whole placement group: look at LEEWARD_IMDS_URL",
        MetadataOutcome.INVALID: _NOT_AZURE,
    }
)


def advice_on(outcome: MetadataOutcome) -> str:
    """Return what to look at, or to do, after a request that ended so; empty when nothing is wrong."""
    return _ADVICE.get(outcome, "")
