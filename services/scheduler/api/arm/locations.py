"""Azure's regions as it shows them: `westus` is shown as `West US` (reference azure-scheduler §1.7)."""

LOCATIONS = (
    "North Central US",
    "South Central US",
    "North Europe",
    "West Europe",
    "East Asia",
    "Southeast Asia",
    "West US",
    "East US",
    "Japan West",
    "Japan East",
    "Brazil South",
    "Central US",
    "East US 2",
    "Canada Central",
    "Canada East",
    "West US 2",
    "West Central US",
)
"""Where Azure Scheduler was; PowerShell refuses any other."""

_SHOWN = {name.replace(" ", "").lower(): name for name in LOCATIONS}


def shown(location: str) -> str:
    """Return a region's display name, or what was written where it is none of them."""
    return _SHOWN.get(plain(location), location)


def plain(location: str) -> str:
    """Return a region's short name, as resource groups have it."""
    return location.replace(" ", "").lower()
