"""What kustomize makes of k8s/: the objects of an overlay, alone or with components, as a cluster would get them."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
KUBECTL = ROOT / ".tools/kubectl/kubectl"
_SECONDS = 60
Object = dict[str, Any]

VARIANTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "local": ("local", ()),
    "production": ("production", ()),
    "aks": ("aks", ()),
    "certificates": ("production", ("cert-manager",)),
    "monitored": ("production", ("service-monitors", "prometheus-rules")),
    "autoscaled": ("production", ("autoscaling",)),
    "responder": ("production", ("kubernetes-responder",)),
    "deleting": ("production", ("kubernetes-responder", "kubernetes-responder-delete")),
    "host-network": ("production", ("host-network",)),
    "node-certificates": ("production", ("node-certificates",)),
    "external-broker": ("production", ("external-broker",)),
    "dashboards": ("production", ("grafana-dashboards",)),
    "all": ("aks", ("kubernetes-responder", "kubernetes-responder-delete", "host-network", "node-certificates")),
    "all-outside": ("aks", ("kubernetes-responder", "external-broker")),
}
"""Each overlay, and each component on one, by name."""


def rendered(variant: str) -> list[Object]:
    """Return the objects of one of VARIANTS; read them only."""
    return list(_rendered(variant))


def of_kind(objects: Sequence[Object], *kinds: str) -> list[Object]:
    """Return the objects of some kinds."""
    return [each for each in objects if each["kind"] in kinds]


def named(objects: Sequence[Object], kind: str, name: str) -> Object:
    """Return the one object of that kind and name."""
    [found] = [each for each in of_kind(objects, kind) if each["metadata"]["name"] == name]
    return found


def workloads(objects: Sequence[Object]) -> list[Object]:
    """Return what makes pods."""
    return of_kind(objects, "Deployment", "DaemonSet", "StatefulSet")


def pods(objects: Sequence[Object], namespace: str | None = None) -> list[Object]:
    """Return the pod templates, of one namespace or of all."""
    return [
        each["spec"]["template"]
        for each in workloads(objects)
        if namespace in (None, each["metadata"].get("namespace"))
    ]


def containers(pod: Object) -> list[Object]:
    """Return all containers of a pod template."""
    spec = pod["spec"]
    return [*spec.get("initContainers", ()), *spec["containers"]]


def matches(selector: Object, pod: Object) -> bool:
    """Whether a selector by labels takes a pod; ours say no more than `matchLabels`."""
    assert selector.keys() <= {"matchLabels"}
    wanted: dict[str, str] = selector.get("matchLabels", {})
    labels: dict[str, str] = pod["metadata"]["labels"]
    return wanted.items() <= labels.items()


def string_values(node: object) -> Iterator[str]:
    """Yield every text in a document."""
    if isinstance(node, dict):
        for each in node.values():
            yield from string_values(each)
    elif isinstance(node, list):
        for each in node:
            yield from string_values(each)
    elif isinstance(node, str):
        yield node


@cache
def _rendered(variant: str) -> tuple[Object, ...]:
    assert KUBECTL.exists(), "no kubectl: .ci/kustomize installs it"
    overlay, components = VARIANTS[variant]
    with TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        document = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [os.path.relpath(K8S / "overlays" / overlay, place)],
            "components": [os.path.relpath(K8S / "components" / name, place) for name in components],
        }
        (place / "kustomization.yaml").write_text(yaml.safe_dump(document))
        done = subprocess.run(
            [str(KUBECTL), "kustomize", str(place)], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return tuple(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))
