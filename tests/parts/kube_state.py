"""What a stand-in of a Kubernetes API server keeps, and the rules by which pods end and budgets count."""

import asyncio
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

Object = dict[str, Any]


class KubeState:
    """Nodes, pods, budgets and events, each as the API shows it.

    `ends_after` are the seconds that a pod really takes to end by its name (None: for ever), else it ends at once.
    `replaces`: whether what a ReplicaSet has lost appears on the node `elsewhere`. `graces` are the seconds that each
    pod was given to end, `healthy` how many pods were well after each of those moments.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, Object] = {}
        self.pods: dict[tuple[str, str], Object] = {}
        self.budgets: list[Object] = []
        self.events: list[Object] = []
        self.ending_namespaces: set[str] = set()
        self.ends_after: dict[str, float | None] = {}
        self.replaces = False
        self.graces: dict[str, list[int]] = {}
        self.healthy: list[int] = []
        self._versions = count(1000)

    def add_node(self, name: str, provider_id: str = "", **spec: object) -> Object:
        """Add a node; `spec` goes into its spec."""
        given = {"providerID": provider_id} if provider_id else {}
        self.nodes[name] = self._object("v1", "Node", {"name": name}, spec={**given, **spec})
        return self.nodes[name]

    def add_pod(
        self,
        name: str,
        node: str,
        *,
        namespace: str = "shop",
        owner: str | None = "ReplicaSet",
        grace: int = 30,
        phase: str = "Running",
        labels: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
    ) -> Object:
        """Add a pod that is bound to a node, ready if it runs."""
        metadata: Object = {"name": name, "namespace": namespace, "labels": labels or {}}
        metadata["annotations"] = annotations or {}
        if owner:
            whose = {"apiVersion": "apps/v1", "kind": owner, "name": f"{name}-owner", "uid": str(uuid4())}
            metadata["ownerReferences"] = [{**whose, "controller": True}]
        spec = {
            "nodeName": node,
            "terminationGracePeriodSeconds": grace,
            "containers": [{"name": "main", "image": "main:1"}],
        }
        ready = {"type": "Ready", "status": "True" if phase == "Running" else "False"}
        pod = self._object("v1", "Pod", metadata, spec=spec, status={"phase": phase, "conditions": [ready]})
        self.pods[namespace, name] = pod
        return pod

    def add_budget(self, name: str, labels: dict[str, str], *, namespace: str = "shop", **spec: object) -> Object:
        """Add a disruption budget over the pods with some labels: `minAvailable` or `maxUnavailable`."""
        metadata = {"name": name, "namespace": namespace, "generation": 1}
        whole = {"selector": {"matchLabels": labels}, **spec}
        status = {"observedGeneration": 1}
        self.budgets.append(self._object("policy/v1", "PodDisruptionBudget", metadata, spec=whole, status=status))
        return self.budgets[-1]

    def touch(self, found: Object) -> None:
        """Give an object a new version: somebody has changed it."""
        found["metadata"]["resourceVersion"] = str(next(self._versions))

    def on(self, node: str) -> list[str]:
        """Return the names of the pods on a node."""
        return sorted(pod["metadata"]["name"] for pod in self.pods.values() if pod["spec"]["nodeName"] == node)

    def budgets_of(self, pod: Object) -> list[Object]:
        """Return the budgets that count a pod."""
        labels, namespace = pod["metadata"]["labels"], pod["metadata"]["namespace"]
        return [
            budget
            for budget in self.budgets
            if budget["metadata"]["namespace"] == namespace
            and budget["spec"]["selector"]["matchLabels"].items() <= labels.items()
        ]

    def allowed(self, budget: Object) -> int:
        """Return `disruptionsAllowed`, as the disruption controller computes it."""
        counted = [pod for pod in self.pods.values() if budget in self.budgets_of(pod)]
        healthy = sum(1 for pod in counted if _is_healthy(pod))
        spec = budget["spec"]
        if "maxUnavailable" in spec:
            desired = len(counted) - _number(spec["maxUnavailable"], len(counted))
        else:
            desired = _number(spec["minAvailable"], len(counted))
        return max(0, healthy - desired)

    def end(self, pod: Object, grace: int | None) -> None:
        """Begin a pod's end, or make one that has begun shorter; what ends it in fact is up to `ends_after`."""
        metadata = pod["metadata"]
        seconds = pod["spec"]["terminationGracePeriodSeconds"] if grace is None else grace
        self.graces.setdefault(metadata["name"], []).append(seconds)
        if metadata.get("deletionGracePeriodSeconds", seconds + 1) <= seconds:
            return
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        metadata["deletionTimestamp"] = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata["deletionGracePeriodSeconds"] = seconds
        self.touch(pod)
        self.healthy.append(sum(map(_is_healthy, self.pods.values())))
        needs = self.ends_after.get(metadata["name"], 0.0)
        if needs is not None:
            asyncio.get_running_loop().call_later(needs, self.remove, pod)

    def remove(self, pod: Object) -> None:
        """Take a pod away, and start its replacement elsewhere if that is how this cluster is."""
        metadata = pod["metadata"]
        if self.pods.get((metadata["namespace"], metadata["name"])) is not pod:
            return
        del self.pods[metadata["namespace"], metadata["name"]]
        if self.replaces and any(owner["kind"] == "ReplicaSet" for owner in metadata.get("ownerReferences", ())):
            self.add_pod(
                f"{metadata['name']}-again",
                "elsewhere",
                namespace=metadata["namespace"],
                labels=metadata["labels"],
            )

    def reasons(self) -> list[str]:
        """Return the reasons of the events written, in their order."""
        return [event["reason"] for event in self.events]

    def _object(self, version: str, kind: str, metadata: Object, **parts: object) -> Object:
        whole = {"uid": str(uuid4()), "resourceVersion": str(next(self._versions)), **metadata}
        return {"apiVersion": version, "kind": kind, "metadata": whole, **parts}


def merged(target: object, patch: object) -> Any:
    """Return what a JSON merge patch (RFC 7386) makes of a value."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    result: Object = deepcopy(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _is_healthy(pod: Object) -> bool:
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"]["conditions"])
    return ready and "deletionTimestamp" not in pod["metadata"]


def _number(amount: object, of: int) -> int:
    """Return a count or percentage as a count; Kubernetes rounds both fields up."""
    text = str(amount)
    return -(-of * int(text[:-1]) // 100) if text.endswith("%") else int(text)
