"""Opens what the settings say about Event Grid."""

from contextlib import AsyncExitStack

from services.vmwatch.eventgrid.endpoint import Endpoint
from services.vmwatch.eventgrid.sources import Sources
from services.vmwatch.eventgrid_settings import EventGridSettings
from services.vmwatch.metrics import Metrics
from shared.settings import SettingsError, parse_listen


async def open_endpoint(
    settings: EventGridSettings | None, sources: Sources, metrics: Metrics, resources: AsyncExitStack
) -> Endpoint | None:
    """Return the endpoint, listening until `resources` are closed; None when it is off. Raises SettingsError."""
    if settings is None:
        return None
    try:
        endpoint = Endpoint(
            parse_listen(settings.listen),
            key=settings.key(),
            sources=sources,
            count=metrics.count_delivery,
            tls=settings.tls(),
        )
    except (OSError, ValueError) as fault:
        raise SettingsError(f"Event Grid cannot be listened for: {fault}") from None
    return await resources.enter_async_context(endpoint)
