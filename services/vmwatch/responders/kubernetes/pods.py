"""Which pods leave a node, and how long each may take to end."""

from typing import Final

from services.vmwatch.kubernetes_settings import BarePods, KubernetesSettings
from services.vmwatch.responders.kubernetes.objects import Pod

_MIRROR: Final = "kubernetes.io/config.mirror"
"""The annotation of what a kubelet runs from a file: the API shows it and cannot end it."""
_FINISHED: Final = frozenset({"Succeeded", "Failed"})
SHORTEST_GRACE: Final = 1
"""Seconds: a grace of 0 takes the pod from the API before it has ended, which can start a second one beside it."""


def leaves(pod: Pod, settings: KubernetesSettings) -> bool:
    """Whether a pod must leave the node; one that is finished has left, one of a DaemonSet would come back at once."""
    if _MIRROR in pod.annotations or pod.phase in _FINISHED:
        return False
    if any(_has_label(pod, label) for label in settings.left_labels):
        return False
    if pod.owner is None:
        return settings.bare_pods is BarePods.EVICT
    return pod.owner.kind not in ("DaemonSet", "Node")


def wanted_grace(pod: Pod, settings: KubernetesSettings) -> int:
    """Return the seconds that a pod gets to end when there is time enough."""
    limit = settings.grace_seconds
    return pod.grace_seconds if limit is None else max(SHORTEST_GRACE, min(pod.grace_seconds, limit))


def possible_grace(wanted: int, seconds_left: float) -> int:
    """Return the seconds that a pod gets to end with so much time left."""
    return max(SHORTEST_GRACE, min(wanted, int(seconds_left)))


def _has_label(pod: Pod, label: str) -> bool:
    key, equals, value = label.partition("=")
    return key in pod.labels and (not equals or pod.labels[key] == value)
