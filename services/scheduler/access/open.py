"""From the settings to what proves who calls, and to the certificate that callers are shown."""

import time
from collections.abc import Callable, Sequence

from services.scheduler.access.access import Access, AccessRules
from services.scheduler.access.certificate import Certificate
from services.scheduler.domain.collections import Namespace
from services.scheduler.metrics import Metrics
from services.scheduler.settings import Settings
from shared.clock import Clock
from shared.keyfile import SealingKey
from shared.settings import parse_listen


def open_access(
    settings: Settings, clock: Clock, metrics: Metrics, *, session_keys: Callable[[], Sequence[SealingKey]]
) -> Access:
    """Return who is let in. Raises SettingsError when the tokens file is out of order."""
    rules = AccessRules(
        home=Namespace(settings.subscription, settings.resource_group),
        tokens_file=settings.tokens_file,
        issuer=settings.oidc_issuer,
        audiences=settings.oidc_audience,
        roles_claim=settings.oidc_roles_claim,
        listen_host=parse_listen(settings.listen).host,
    )
    return Access(rules, clock, metrics, session_keys=session_keys, time=time.monotonic)


def open_certificate(settings: Settings, metrics: Metrics) -> Certificate | None:
    """Return the listener's certificate, None for plain HTTP. Raises SettingsError when it cannot be used."""
    if settings.listen_cert is None or settings.listen_key is None:
        return None
    return Certificate(settings.listen_cert, settings.listen_key, metrics)
