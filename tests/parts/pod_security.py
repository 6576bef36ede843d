"""Kubernetes's Pod Security Standards, level `restricted`, as far as a pod template says anything about them."""

from collections.abc import Iterator
from typing import Any

from tests.parts.manifests import Object, containers

_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def offences(pod: Object) -> set[str]:
    """Return what a pod does that `restricted` forbids, in the standard's words for the fields."""
    return {*_of_pod(pod["spec"]), *(each for one in containers(pod) for each in _of_container(pod["spec"], one))}


def _of_pod(spec: Object) -> Iterator[str]:
    yield from (field for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field))
    for volume in spec.get("volumes", ()):
        yield from volume.keys() - {"name"} - _VOLUMES


def _of_container(spec: Object, container: Object) -> Iterator[str]:
    own: dict[str, Any] = container.get("securityContext", {})
    both = {**spec.get("securityContext", {}), **own}
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    capabilities = own.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"}:
        yield "capabilities"
    if both.get("runAsNonRoot") is not True or both.get("runAsUser") == 0:
        yield "runAsNonRoot"
    if both.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        yield "seccompProfile"
    if any("hostPort" in port for port in container.get("ports", ())):
        yield "hostPort"
