"""Which Leeward this is."""

from importlib.metadata import PackageNotFoundError, version


def product_version() -> str:
    """Return the installed distribution's version; `0+source` when run from sources that were never installed."""
    try:
        return version("leeward")
    except PackageNotFoundError:
        return "0+source"
