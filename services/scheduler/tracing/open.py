"""Opens what traces go to, if anything."""

from importlib import import_module
from urllib.parse import urlsplit

from services.scheduler.tracing.base import Traces
from shared.settings import SettingsError


def open_traces(endpoint: str | None, *, replica: str) -> Traces:
    """Return where spans go: nowhere without an endpoint. Raises SettingsError when the libraries are not there."""
    if endpoint is None:
        return Traces()
    check_traces(endpoint)
    from services.scheduler.tracing.otlp import OtlpTraces

    return OtlpTraces(endpoint, replica=replica)


def check_traces(endpoint: str) -> None:
    """Raise SettingsError for an address that is none, or when the libraries are not there."""
    if urlsplit(endpoint).scheme not in ("http", "https"):
        raise SettingsError(f"otlp_endpoint={endpoint}: write http:// or https:// and a host")
    try:
        import_module("services.scheduler.tracing.otlp")
    except ImportError as fault:
        raise SettingsError(
            f"otlp_endpoint needs the extra `tracing`: pip install leeward[tracing] ({fault})"
        ) from fault
