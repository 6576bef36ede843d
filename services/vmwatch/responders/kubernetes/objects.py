"""What is read of a cluster's nodes and pods, and nothing more."""

from collections.abc import Mapping
from datetime import datetime

import msgspec


class Taint(msgspec.Struct, frozen=True, kw_only=True):
    """One taint of a node; a node has one of each key and effect. `added` is kept for those of others."""

    key: str
    effect: str
    value: str | None = None
    added: datetime | None = None


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A node as it was at `version`. `closers` are the field managers that its `unschedulable` is from."""

    name: str
    version: str
    provider_id: str = ""
    closed: bool = False
    annotations: Mapping[str, str] = {}
    taints: tuple[Taint, ...] = ()
    closers: frozenset[str] = frozenset()


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The controller of a pod."""

    kind: str
    name: str


class Pod(msgspec.Struct, frozen=True, kw_only=True):
    """A pod; `ends_by` is when it will be killed, None unless it is ending already."""

    namespace: str
    name: str
    uid: str
    phase: str = ""
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    owner: Owner | None = None
    grace_seconds: int = 30
    ends_by: datetime | None = None

    def __str__(self) -> str:
        """Return the pod's name as kubectl's users know it."""
        return f"{self.namespace}/{self.name}"


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """What is written about a node as a Kubernetes Event; `reason` is one CamelCase word."""

    reason: str
    message: str
    warning: bool = False
