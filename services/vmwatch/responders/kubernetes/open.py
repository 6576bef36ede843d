"""Makes the Kubernetes responder, if it is set and its library is there."""

from collections.abc import Callable
from functools import partial
from importlib import import_module

from services.vmwatch.kubernetes_settings import KubernetesMode, KubernetesSettings
from services.vmwatch.responders.kubernetes.responder import KubernetesResponder
from shared.clock import Clock
from shared.settings import SettingsError


def open_kubernetes(
    settings: KubernetesSettings, *, clock: Clock, monotonic: Callable[[], float]
) -> KubernetesResponder | None:
    """Return the responder; None when it is off. Raises SettingsError when the library is not there."""
    if settings.mode is KubernetesMode.OFF:
        return None
    check_library(settings.mode)
    from services.vmwatch.responders.kubernetes.client import open_cluster

    opens = partial(open_cluster, settings.kubeconfig, clock=clock)
    return KubernetesResponder(settings, opens, clock=clock, monotonic=monotonic)


def check_library(mode: KubernetesMode) -> None:
    """Raise SettingsError when the library is not there."""
    try:
        import_module("services.vmwatch.responders.kubernetes.client")
    except ImportError as fault:
        raise SettingsError(
            f"kubernetes={mode} needs the extra `kubernetes`: pip install leeward[kubernetes] ({fault})"
        ) from fault
