"""The audit log over HTTP; there is no ARM counterpart."""

from aiohttp import web

from services.scheduler.api.audit_filter import read_audit_filter
from services.scheduler.api.ports import Services
from services.scheduler.api.replies import page_reply
from services.scheduler.api.requests import read_page
from services.scheduler.api.sight import sight_of


class AuditHandlers:
    """Handlers of the audit log. It is written with each change alone; nobody can change it here."""

    def __init__(self, services: Services) -> None:
        self._store = services.store

    async def list_all(self, request: web.Request) -> web.Response:
        """List who changed what, the latest change first."""
        page, wanted = read_page(request), read_audit_filter(request)
        found = await sight_of(request, self._store).audit(wanted, top=page.wanted, skip=page.skip)
        return page_reply(request, page, found)
