"""What an event does to the node: nothing, cordon, or drain; pure."""

from services.vmwatch.documents import SCHEDULED, STARTED
from services.vmwatch.kubernetes_settings import KubernetesMode, KubernetesSettings
from services.vmwatch.metrics import KNOWN_EVENT_TYPES
from shared.messages import Event

_FREEZE = "freeze"


def mode_for(event: Event, settings: KubernetesSettings) -> KubernetesMode:
    """Return what an event does: what is set for its type, else for all types that are known.

    An advisory (the Spot rebalance recommendation, reference §1.12) and a type nobody has named do nothing, nor does a
    freeze that the operator calls short.
    """
    kind = event.type.lower()
    if event.status not in (SCHEDULED, STARTED) or _is_short(event, settings):
        return KubernetesMode.OFF
    known = settings.mode if event.type in KNOWN_EVENT_TYPES else KubernetesMode.OFF
    return settings.by_type.get(kind, known)


def _is_short(event: Event, settings: KubernetesSettings) -> bool:
    seconds, limit = event.duration_seconds, settings.ignore_freeze_seconds
    return event.type.lower() == _FREEZE and seconds is not None and limit > 0 and seconds <= limit
