"""Which Leeward this is."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def product_version() -> str:
    """Return the installed distribution's version; `0+source` when run from sources that were never installed.

    Looked up once: it costs milliseconds, and each heartbeat tells it.
    """
    try:
        return version("leeward")
    except PackageNotFoundError:
        return "0+source"
