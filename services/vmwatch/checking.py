"""What would keep the watcher from starting, found without starting, connecting or making anything."""

from collections.abc import Iterator

from services.vmwatch.kubernetes_settings import KubernetesMode
from services.vmwatch.responders.kubernetes.open import check_library
from services.vmwatch.settings import Settings
from shared.checking import NamedFile, faults_of


def certificates(settings: Settings) -> tuple[NamedFile, ...]:
    """Return the files of certificates."""
    return (
        NamedFile(variable="LEEWARD_MQTT_CA", path=settings.mqtt_ca),
        NamedFile(variable="LEEWARD_MQTT_CERT", path=settings.mqtt_cert),
        NamedFile(variable="LEEWARD_EVENTGRID_LISTEN_CERT", path=settings.eventgrid_listen_cert),
    )


def faults(settings: Settings) -> Iterator[str]:
    """Yield what the settings themselves have not looked at: they read the files that they name, and more."""
    yield from faults_of(lambda: _check_kubernetes(settings))


def _check_kubernetes(settings: Settings) -> None:
    if settings.kubernetes is KubernetesMode.OFF:
        return
    check_library(settings.kubernetes)
    file = settings.kubernetes_kubeconfig
    if file is not None and not file.is_file():
        raise ValueError(f"LEEWARD_KUBERNETES_KUBECONFIG={file}: there is no such file")
