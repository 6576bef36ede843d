"""The port to a cluster: the few things that are asked of its API server."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from services.vmwatch.responders.kubernetes.marks import Patch
from services.vmwatch.responders.kubernetes.objects import Node, Pod, Remark


class Cluster(Protocol):
    """What an API server does for us. Each call is bounded in time and raises one of `errors`, nothing else."""

    async def node(self, name: str) -> Node:
        """Return a node as it is now. Raises MissingError."""
        ...

    async def nodes(self) -> tuple[Node, ...]:
        """Return all nodes of the cluster."""
        ...

    async def amend(self, name: str, patch: Patch) -> Node:
        """Change a node that is still as it was read, and return it. Raises ConflictError."""
        ...

    async def pods_on(self, node: str) -> tuple[Pod, ...]:
        """Return all pods bound to a node, of every namespace."""
        ...

    async def evict(self, pod: Pod, grace_seconds: int) -> None:
        """Have a pod end, as its disruption budgets allow. Raises BlockedError, MissingError, ConflictError."""
        ...

    async def delete(self, pod: Pod, grace_seconds: int) -> None:
        """Have a pod end, whatever its disruption budgets say. Raises MissingError, ConflictError."""
        ...

    async def remark(self, node: str, remark: Remark) -> None:
        """Write a Kubernetes Event about a node."""
        ...


class OpenCluster(Protocol):
    """Opens a cluster for one errand: credentials are read anew each time, as they are swapped on disk."""

    def __call__(self, host: str, *, dry_run: bool = False) -> AbstractAsyncContextManager[Cluster]:
        """Return the cluster, open inside its context, for the watcher of a host. Raises ClusterError.

        In a rehearsal (`dry_run`) its API server judges every change and makes none.
        """
        ...
