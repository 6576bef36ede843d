"""What ARM itself knew of the provider; PowerShell asks for it before it creates anything (reference §1.1)."""

from typing import Annotated

from aiohttp import web

from services.scheduler.api.arm.addresses import PROVIDER
from services.scheduler.api.arm.locations import LOCATIONS
from services.scheduler.api.arm.mount import ArmMount
from services.scheduler.api.arm.versions import VERSIONS
from services.scheduler.api.replies import reply
from services.scheduler.api.schemas.values import READ_ONLY, Document


class ResourceTypeDocument(Document, frozen=True, kw_only=True):
    """One type of resource, where it is and in which versions."""

    resource_type: str
    locations: tuple[str, ...]
    api_versions: tuple[str, ...]
    capabilities: str | None = None


class ProviderDocument(Document, frozen=True, kw_only=True):
    """The provider in one subscription."""

    id: Annotated[str | None, READ_ONLY] = None
    namespace: str
    resource_types: tuple[ResourceTypeDocument, ...]
    registration_state: str


class Provider:
    """Handlers of the provider's own routes."""

    def __init__(self, mount: ArmMount) -> None:
        self._mount = mount

    async def get(self, request: web.Request) -> web.Response:
        """Return the provider: registered, with its regions and versions."""
        return reply(request, self._document(request))

    async def register(self, request: web.Request) -> web.Response:
        """Register the provider, which it is in every subscription."""
        return reply(request, self._document(request))

    def _document(self, request: web.Request) -> ProviderDocument:
        subscription, _ = self._mount.scope(request)
        return ProviderDocument(
            id=f"/subscriptions/{subscription}/providers/{PROVIDER}",
            namespace=PROVIDER,
            resource_types=tuple(
                ResourceTypeDocument(resource_type=name, locations=LOCATIONS, api_versions=VERSIONS)
                for name in ("jobcollections", "operations", "operationResults")
            ),
            registration_state="Registered",
        )
