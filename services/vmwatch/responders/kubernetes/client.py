"""The cluster as lightkube reaches it; nothing else here knows that library.

lightkube is the lightest of the well-kept ones: 6 MB of memory where the generated clients take 40 to 50 (measured).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx2
import msgspec
import yaml
from lightkube import ALL_NS, AsyncClient, ConfigError, KubeConfig
from lightkube.models.core_v1 import EventSource, ObjectReference
from lightkube.models.meta_v1 import DeleteOptions, ManagedFieldsEntry, ObjectMeta, Preconditions, Status, StatusDetails
from lightkube.resources import core_v1
from lightkube.types import PatchType

from services.vmwatch.responders.kubernetes.answers import Answer, to_error
from services.vmwatch.responders.kubernetes.errors import BusyError, ClusterError, ConflictError
from services.vmwatch.responders.kubernetes.marks import MANAGER, Patch
from services.vmwatch.responders.kubernetes.objects import Node, Owner, Pod, Remark, Taint
from shared.clock import Clock

CALL_SECONDS: Final = 10.0
"""How long one request may take; an API server that is well answers in a fraction of a second."""
SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds who it is."""
_CHUNK: Final = 250
_EVENTS_NAMESPACE: Final = "default"
"""Where Kubernetes keeps events about what has no namespace."""
_LONGEST_MESSAGE: Final = 1024
"""Characters of an event's message that the API server takes."""


class ClusterClient:
    """The API server of an open client; `host` is who writes. In a rehearsal (`dry_run`) the server changes nothing."""

    def __init__(
        self,
        client: AsyncClient,
        *,
        host: str,
        clock: Clock,
        dry_run: bool = False,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        """Take the client; nothing is asked yet."""
        self._client = client
        self._host = host
        self._clock = clock
        self._dry_run = dry_run
        self._seconds = call_seconds

    async def node(self, name: str) -> Node:
        """Return a node as it is now. Raises MissingError."""
        async with self._asking(f"get nodes ({name})"):
            return _node(await self._client.get(core_v1.Node, name))

    async def nodes(self) -> tuple[Node, ...]:
        """Return all nodes of the cluster, fetched in chunks."""
        async with self._asking("list nodes"):
            return tuple([_node(each) async for each in self._client.list(core_v1.Node, chunk_size=_CHUNK)])

    async def amend(self, name: str, patch: Patch) -> Node:
        """Change a node that is still as it was read, and return it. Raises ConflictError."""
        async with self._asking(f"patch nodes ({name})"):
            body = patch.body()
            changed = await self._client.patch(
                core_v1.Node, name, body, patch_type=PatchType.MERGE, dry_run=self._dry_run
            )
            return _node(changed)

    async def pods_on(self, node: str) -> tuple[Pod, ...]:
        """Return all pods bound to a node, of every namespace."""
        async with self._asking("list pods"):
            found = self._client.list(core_v1.Pod, namespace=ALL_NS, fields={"spec.nodeName": node}, chunk_size=_CHUNK)
            return tuple([_pod(each) async for each in found])

    async def evict(self, pod: Pod, grace_seconds: int) -> None:
        """Have a pod end, as its disruption budgets allow. Raises BlockedError, MissingError, ConflictError.

        The uid keeps the request from a pod of the same name that has taken this one's place.
        """
        options = DeleteOptions(gracePeriodSeconds=grace_seconds, preconditions=Preconditions(uid=pod.uid))
        eviction = core_v1.PodEviction(
            metadata=ObjectMeta(name=pod.name, namespace=pod.namespace), deleteOptions=options
        )
        async with self._asking(f"create pods/eviction ({pod})"):
            await self._client.create(eviction, name=pod.name, namespace=pod.namespace, dry_run=self._dry_run)

    async def delete(self, pod: Pod, grace_seconds: int) -> None:
        """Have a pod end, whatever its disruption budgets say. Raises MissingError, ConflictError.

        The library sends no precondition with a deletion, so it is looked first whether the name still means this pod.
        """
        async with self._asking(f"get pods ({pod})"):
            present = await self._client.get(core_v1.Pod, pod.name, namespace=pod.namespace)
        if present.metadata is None or present.metadata.uid != pod.uid:
            raise ConflictError(f"delete pods ({pod}): another pod has its name now")
        async with self._asking(f"delete pods ({pod})"):
            await self._client.delete(
                core_v1.Pod,
                pod.name,
                namespace=pod.namespace,
                grace_period=grace_seconds,
                dry_run=self._dry_run,
            )

    async def remark(self, node: str, remark: Remark) -> None:
        """Write a Kubernetes Event about a node, as the kubelet does: with the node's name for its uid."""
        now = self._clock.now().replace(microsecond=0)
        event = core_v1.Event(
            metadata=ObjectMeta(generateName=f"{node}.", namespace=_EVENTS_NAMESPACE),
            involvedObject=ObjectReference(apiVersion="v1", kind="Node", name=node, uid=node),
            type="Warning" if remark.warning else "Normal",
            reason=remark.reason,
            message=remark.message[:_LONGEST_MESSAGE],
            source=EventSource(component=MANAGER, host=self._host),
            reportingComponent=MANAGER,
            reportingInstance=self._host,
            firstTimestamp=now,
            lastTimestamp=now,
            count=1,
        )
        async with self._asking("create events"):
            await self._client.create(event, dry_run=self._dry_run)

    @asynccontextmanager
    async def _asking(self, what: str) -> AsyncIterator[None]:
        """Bound a request in time, and turn whatever goes wrong into one of `errors`."""
        try:
            async with asyncio.timeout(self._seconds):
                yield
        except TimeoutError as fault:
            raise BusyError(f"{what}: no answer within {self._seconds:g} s") from fault
        except httpx2.HTTPStatusError as fault:
            raise to_error(what, _answer(fault.response)) from fault
        except (httpx2.HTTPError, ConfigError, OSError) as fault:
            raise BusyError(f"{what}: {str(fault) or type(fault).__name__}") from fault
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, KeyError, AttributeError) as fault:
            # The library trusts that an answer has a type and a whole body; a proxy's may have neither.
            raise BusyError(f"{what}: the answer cannot be read ({type(fault).__name__})") from fault


@asynccontextmanager
async def open_cluster(
    kubeconfig: Path | None,
    host: str,
    *,
    clock: Clock,
    dry_run: bool = False,
    call_seconds: float = CALL_SECONDS,
    service_account: Path = SERVICE_ACCOUNT,
) -> AsyncIterator[ClusterClient]:
    """Open the cluster of a kubeconfig, without one that of the pod's service account. Raises ClusterError.

    Both are read anew each time, so that swapped certificates and tokens are seen.
    """
    try:
        config = KubeConfig.from_file(kubeconfig) if kubeconfig else KubeConfig.from_service_account(service_account)
        client = AsyncClient(config, field_manager=MANAGER, timeout=httpx2.Timeout(call_seconds))
    except (ConfigError, msgspec.MsgspecError, yaml.YAMLError, OSError, ValueError, LookupError, TypeError) as fault:
        named = f"kubernetes_kubeconfig={kubeconfig}" if kubeconfig else "no service account in this place"
        hint = "" if kubeconfig else "; run in a pod that has one, or set LEEWARD_KUBERNETES_KUBECONFIG"
        raise ClusterError(f"{named}: {_plain(fault)}{hint}") from fault
    async with client:
        yield ClusterClient(client, host=host, clock=clock, dry_run=dry_run, call_seconds=call_seconds)


def _plain(fault: Exception) -> str:
    """Return what may be told of a fault: a parser's message quotes the file, which holds credentials."""
    return str(fault) if isinstance(fault, ConfigError | OSError | LookupError) else type(fault).__name__


def _answer(response: httpx2.Response) -> Answer:
    """Read an answer that is no success; what a proxy sends in the server's stead has no words that count."""
    try:
        status = msgspec.json.decode(response.content, type=Status)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        status = Status()
    details = status.details or StatusDetails()
    return Answer(
        code=response.status_code,
        message=status.message or f"HTTP status {response.status_code}",
        causes=frozenset(cause.reason or "" for cause in details.causes or ()),
        retry_after=response.headers.get("Retry-After") or details.retryAfterSeconds,
    )


def _node(found: core_v1.Node) -> Node:
    metadata, spec = found.metadata or ObjectMeta(), found.spec
    return Node(
        name=metadata.name or "",
        version=metadata.resourceVersion or "",
        provider_id=(spec.providerID if spec else None) or "",
        closed=bool(spec and spec.unschedulable),
        annotations=metadata.annotations or {},
        taints=tuple(
            Taint(key=taint.key, effect=taint.effect, value=taint.value, added=taint.timeAdded)
            for taint in (spec.taints if spec else None) or ()
        ),
        closers=frozenset(entry.manager or "" for entry in metadata.managedFields or () if _closes(entry)),
    )


def _closes(entry: ManagedFieldsEntry) -> bool:
    spec = (entry.fieldsV1 or {}).get("f:spec")
    return isinstance(spec, Mapping) and "f:unschedulable" in spec


def _pod(found: core_v1.Pod) -> Pod:
    metadata, spec, status = found.metadata or ObjectMeta(), found.spec, found.status
    owner = next((owner for owner in metadata.ownerReferences or () if owner.controller), None)
    grace = spec.terminationGracePeriodSeconds if spec else None
    return Pod(
        namespace=metadata.namespace or "",
        name=metadata.name or "",
        uid=metadata.uid or "",
        phase=(status.phase if status else None) or "",
        labels=metadata.labels or {},
        annotations=metadata.annotations or {},
        owner=Owner(kind=owner.kind, name=owner.name) if owner else None,
        grace_seconds=30 if grace is None else grace,
        ends_by=metadata.deletionTimestamp,
    )
