"""The Kubernetes responder at work on the stand-in of a cluster, quicker than in life."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import monotonic

import msgspec

from services.vmwatch.kubernetes_settings import KubernetesMode, KubernetesSettings
from services.vmwatch.responders.base import Errand
from services.vmwatch.responders.kubernetes.client import open_cluster
from services.vmwatch.responders.kubernetes.evictions import Pace
from services.vmwatch.responders.kubernetes.responder import KubernetesResponder
from shared.clock import SystemClock
from shared.messages import Event
from tests.parts.kube_api import KubeApi, manage
from tests.parts.kube_state import KubeState, Object, merged

HOST = "aks-pool-1234-vmss_18"
NODE = "aks-pool-1234-vmss00000i"
EVENT = "C7061BAC-AFDC-4513-B24B-AA5F13A16123"
OTHER = "602D9444-D2CD-49C7-8624-8643E7171297"
PROVIDER_ID = (
    "azure:///subscriptions/0/resourceGroups/mc_rg/providers/Microsoft.Compute"
    "/virtualMachineScaleSets/AKS-pool-1234-vmss/virtualMachines/18"
)
QUICK = Pace(look=0.02, again=0.1, first_pause=0.02, longest_pause=0.05, margin=0.2, head_start=0.2)
DRAIN = KubernetesSettings(mode=KubernetesMode.DRAIN)


def event(
    kind: str = "Reboot", event_id: str = EVENT, *, status: str = "Scheduled", duration: int | None = None
) -> Event:
    """Return an event that hits this host."""
    return Event(event_id=event_id, type=kind, status=status, resources=(HOST,), duration_seconds=duration)


def errand(about: Event | None = None, *, seconds: float | None = 10, others: tuple[Event, ...] = ()) -> Errand:
    """Return an errand for an event that may begin in so many seconds."""
    deadline = None if seconds is None else SystemClock().now() + timedelta(seconds=seconds)
    given = msgspec.structs.replace(about or event(), not_before=deadline)
    return Errand(host=HOST, computer_name=NODE, event=given, deadline=deadline, others=others)


class KubeWork:
    """A cluster with this host's node in it and another one, and the responder."""

    def __init__(self, api: KubeApi, kubeconfig: Path) -> None:
        self.api = api
        self.kubeconfig = kubeconfig
        self.state.add_node(NODE, PROVIDER_ID)
        self.state.add_node("elsewhere", PROVIDER_ID.replace("/18", "/19"))
        self.state.replaces = True

    @property
    def state(self) -> KubeState:
        """What the cluster has."""
        return self.api.state

    @property
    def node(self) -> Object:
        """This host's node as it is now."""
        return self.state.nodes[NODE]

    @property
    def is_closed(self) -> bool:
        """Whether no new pods come to the node."""
        return bool(self.node["spec"].get("unschedulable"))

    def cordon_by_hand(self, *, closed: bool) -> None:
        """Do what `kubectl cordon` or `kubectl uncordon` does."""
        changed = merged(self.node, {"spec": {"unschedulable": closed or None}})
        manage(self.node, changed, "kubectl-cordon")
        self.state.touch(changed)
        self.state.nodes[NODE] = changed

    def responder(self, settings: KubernetesSettings = DRAIN, *, call_seconds: float = 2) -> KubernetesResponder:
        """Return the responder of a new life of the watcher."""
        clock = SystemClock()
        opens = partial(open_cluster, self.kubeconfig, clock=clock, call_seconds=call_seconds)
        return KubernetesResponder(settings, opens, clock=clock, monotonic=monotonic, pace=QUICK)


@asynccontextmanager
async def kube_work(folder: Path) -> AsyncIterator[KubeWork]:
    """Start a cluster."""
    async with KubeApi().serve() as api:
        yield KubeWork(api, api.kubeconfig(folder))
