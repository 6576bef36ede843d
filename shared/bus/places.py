"""Where a broker is, read from its address."""

from urllib.parse import SplitResult, urlsplit

from shared.bus.publications import BusSettingsError

_PORTS = {"mqtt": 1883, "mqtts": 8883}


def place_of(url: str) -> SplitResult:
    """Return the parts of a broker's address. Raises BusSettingsError that says what to write."""
    try:
        place = urlsplit(url)
        port = place.port
        is_usable = place.scheme in _PORTS and place.hostname and port != 0 and not place.path.strip("/")
    except ValueError:
        # Its own message would quote what may be a password.
        is_usable = False
    if not is_usable:
        raise BusSettingsError("the broker's address must look like mqtt://host:1883 or mqtts://user:password@host")
    return place


def port_of(place: SplitResult) -> int:
    """Return the port to dial: the address's own, or its protocol's."""
    return place.port or _PORTS[place.scheme]
