"""Finds the node that runs on this VM, and changes it in spite of those who change it too."""

import re
from collections.abc import Callable
from typing import Final

from services.vmwatch.responders.kubernetes.cluster import Cluster
from services.vmwatch.responders.kubernetes.errors import ClusterError, ConflictError, MissingError
from services.vmwatch.responders.kubernetes.marks import Patch, read_mark
from services.vmwatch.responders.kubernetes.objects import Node

_MOST_TRIES: Final = 10
"""Kubelet and controllers write a node a few times a minute: more than two conflicts in a row are rare."""
_MEMBER: Final = re.compile(r"/virtualMachineScaleSets/([^/]+)/virtualMachines/([^/]+)$", re.IGNORECASE)
_SINGLE: Final = re.compile(r"/virtualMachines/([^/]+)$", re.IGNORECASE)


def resource_name(provider_id: str) -> str:
    """Return the resource name of a node's VM, in lower case; empty when the id is not Azure's (reference §1.15).

    A uniform scale set's member is `{set}_{id}`; a flexible set's member and a single VM stand there by their names.
    """
    if not provider_id.lower().startswith("azure://"):
        return ""
    if member := _MEMBER.search(provider_id):
        return f"{member[1]}_{member[2]}".lower()
    single = _SINGLE.search(provider_id)
    return single[1].lower() if single else ""


class NodeFinder:
    """Knows the node of one host once it has found it."""

    def __init__(self, fixed: str | None = None) -> None:
        """`fixed` is the node's name where an operator says it, for nodes without Azure's providerID."""
        self._fixed = fixed
        self._found: str | None = None

    async def find(self, cluster: Cluster, host: str, computer_name: str) -> Node:
        """Return the node whose providerID names this host. Raises MissingError, ClusterError.

        The names that it probably has come first, which spares reading all nodes; none is believed without its id.
        """
        if self._fixed:
            return await self._fixed_node(cluster, self._fixed, host)
        for name in dict.fromkeys(filter(None, (self._found, computer_name.lower()))):
            try:
                node = await cluster.node(name)
            except MissingError:
                continue
            if resource_name(node.provider_id) == host.lower():
                self._found = node.name
                return node
        node = _only([each for each in await cluster.nodes() if resource_name(each.provider_id) == host.lower()], host)
        self._found = node.name
        return node

    async def _fixed_node(self, cluster: Cluster, name: str, host: str) -> Node:
        node = await cluster.node(name)
        named = resource_name(node.provider_id)
        if named and named != host.lower():
            raise ClusterError(f"node {name} runs on {named}, not on {host}: correct LEEWARD_KUBERNETES_NODE")
        mark = read_mark(node)
        if not named and mark is not None and mark.host.lower() != host.lower():
            raise ClusterError(f"node {name} is closed for {mark.host}, not {host}: correct LEEWARD_KUBERNETES_NODE")
        return node


async def change(cluster: Cluster, node: Node, make: Callable[[Node], Patch | None]) -> Node | None:
    """Apply the patch that `make` gives, made anew whenever somebody else was first; None when there was none.

    Raises ClusterError.
    """
    for _ in range(_MOST_TRIES):
        patch = make(node)
        if patch is None:
            return None
        try:
            return await cluster.amend(node.name, patch)
        except ConflictError:
            node = await cluster.node(node.name)
    raise ClusterError(f"patch nodes ({node.name}): somebody else was first {_MOST_TRIES} times")


def _only(nodes: list[Node], host: str) -> Node:
    if not nodes:
        raise MissingError(
            f"no node has the providerID of {host}; set LEEWARD_KUBERNETES_NODE where nodes have none of Azure's"
        )
    if len(nodes) > 1:
        names = ", ".join(sorted(node.name for node in nodes))
        raise ClusterError(f"several nodes have a providerID of {host}: {names}; set LEEWARD_KUBERNETES_NODE")
    return nodes[0]
