"""A stand-in of a Kubernetes API server: the part that a drain uses, with its answers, its rules and its moods.

Bodies are judged by the OpenAPI schemas of a real release. What it grants is recorded, so that manifests can be held
to it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from ssl import SSLContext

import kubernetes_validate
from aiohttp import web

from tests.parts.kube_state import KubeState, Object, merged

RELEASE = "1.37"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """An answer of kind Status."""

    def __init__(self, code: int, reason: str, message: str, *, cause: str = "", wait: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.wait = wait
        details: Object = {"retryAfterSeconds": wait} if wait else {}
        if cause:
            details["causes"] = [{"reason": cause, "message": message}]
        self.body = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "details": details,
            "code": code,
        }

    def response(self) -> web.Response:
        headers = {"Retry-After": str(self.wait)} if self.wait else {}
        return _json(self.body, self.code, headers)


class KubeApi:
    """The server. `denied` are verbs and resources without a right, `granted` those that were used.

    `asked` are the pods of which an eviction was asked, `page` what a list gives at once. `moods` are answers that come
    first, one for each request; while `awake` is not set no request is answered at all.
    """

    def __init__(self) -> None:
        self.state = KubeState()
        self.tokens = {"let-me-in"}
        self.denied: set[tuple[str, str]] = set()
        self.granted: set[tuple[str, str]] = set()
        self.asked: list[str] = []
        self.page = 500
        self.moods: list[Callable[[], web.Response]] = []
        self.awake = asyncio.Event()
        self.awake.set()
        self.refused_by_webhook: set[str] = set()
        self.before_patch: Callable[[], None] = lambda: None
        self.before_eviction: Callable[[], None] = lambda: None
        self.url = ""

    def kubeconfig(self, folder: Path, *, token: str = "let-me-in") -> Path:
        """Write a kubeconfig for this server and return its path."""
        user = {"name": "watcher", "user": {"token": token}}
        cluster = {"name": "stand-in", "cluster": {"server": self.url}}
        context = {"name": "here", "context": {"cluster": "stand-in", "user": "watcher"}}
        whole = {"current-context": "here", "clusters": [cluster], "users": [user], "contexts": [context]}
        path = folder / "kubeconfig"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **whole}))
        return path

    @asynccontextmanager
    async def serve(self, tls: SSLContext | None = None) -> AsyncIterator["KubeApi"]:
        """Listen on a free loopback port."""
        app = web.Application(middlewares=[self._answer])
        app.router.add_get("/api/v1/nodes", self._list_nodes)
        app.router.add_get("/api/v1/nodes/{name}", self._get_node)
        app.router.add_patch("/api/v1/nodes/{name}", self._patch_node)
        app.router.add_get("/api/v1/pods", self._list_pods)
        app.router.add_get("/api/v1/namespaces/{namespace}/pods/{name}", self._get_pod)
        app.router.add_delete("/api/v1/namespaces/{namespace}/pods/{name}", self._delete_pod)
        app.router.add_post("/api/v1/namespaces/{namespace}/pods/{name}/eviction", self._evict)
        app.router.add_post("/api/v1/namespaces/{namespace}/events", self._write_event)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        await self.awake.wait()
        if self.moods:
            return self.moods.pop(0)()
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return Refusal(401, "Unauthorized", "Unauthorized").response()
        try:
            return await handler(request)
        except Refusal as refusal:
            return refusal.response()

    async def _list_nodes(self, request: web.Request) -> web.Response:
        self._grant("list", "nodes")
        return self._page("NodeList", list(self.state.nodes.values()), request)

    async def _get_node(self, request: web.Request) -> web.Response:
        self._grant("get", "nodes")
        return _json(self._node(request))

    async def _patch_node(self, request: web.Request) -> web.Response:
        self._grant("patch", "nodes")
        if request.content_type != "application/merge-patch+json":
            raise Refusal(415, "UnsupportedMediaType", "the stand-in knows merge patches only")
        self.before_patch()
        node, patch = self._node(request), await request.json()
        version = patch.get("metadata", {}).get("resourceVersion")
        if version not in (None, node["metadata"]["resourceVersion"]):
            name = node["metadata"]["name"]
            why = "the object has been modified; please apply your changes to the latest version and try again"
            raise Refusal(409, "Conflict", f'Operation cannot be fulfilled on nodes "{name}": {why}')
        changed = merged(node, patch)
        _judge(changed)
        manage(node, changed, request.query.get("fieldManager", "unknown"))
        if request.query.get("dryRun") != "All":
            self.state.nodes[node["metadata"]["name"]] = changed
            self.state.touch(changed)
        return _json(changed)

    async def _list_pods(self, request: web.Request) -> web.Response:
        self._grant("list", "pods")
        field, _, node = request.query["fieldSelector"].partition("=")
        assert field == "spec.nodeName"
        return self._page("PodList", [p for p in self.state.pods.values() if p["spec"]["nodeName"] == node], request)

    async def _get_pod(self, request: web.Request) -> web.Response:
        self._grant("get", "pods")
        return _json(self._pod(request))

    async def _delete_pod(self, request: web.Request) -> web.Response:
        self._grant("delete", "pods")
        pod, grace = self._pod(request), request.query.get("gracePeriodSeconds")
        if request.query.get("dryRun") != "All":
            self.state.end(pod, None if grace is None else int(grace))
        return _json(pod)

    async def _evict(self, request: web.Request) -> web.Response:
        self._grant("create", "pods/eviction", request.match_info["namespace"])
        eviction = await request.json()
        self.asked.append(request.match_info["name"])
        self.before_eviction()
        _judge(eviction)
        name, namespace = request.match_info["name"], request.match_info["namespace"]
        if name in self.refused_by_webhook:
            raise Refusal(403, "Forbidden", 'admission webhook "guard.example" denied the request: keep it')
        if namespace in self.state.ending_namespaces:
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise Refusal(403, "Forbidden", f'pods "{name}" is forbidden: {why}', cause="NamespaceTerminating")
        pod, options = self._pod(request), eviction.get("deleteOptions") or {}
        wanted = (options.get("preconditions") or {}).get("uid")
        if wanted not in (None, pod["metadata"]["uid"]):
            raise Refusal(409, "Conflict", f"Precondition failed: UID in precondition: {wanted}")
        if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]:
            self._ask_budgets(pod)
        if request.query.get("dryRun") != "All":
            self.state.end(pod, options.get("gracePeriodSeconds"))
        return _json({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201)

    def _ask_budgets(self, pod: Object) -> None:
        budgets = self.state.budgets_of(pod)
        if len(budgets) > 1:
            message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            raise Refusal(500, "InternalError", message)
        for budget in budgets:
            name = budget["metadata"]["name"]
            if budget["status"]["observedGeneration"] < budget["metadata"]["generation"]:
                message = "Cannot evict pod as it would violate the pod's disruption budget."
                raise Refusal(429, "TooManyRequests", message, cause="DisruptionBudget", wait=10)
            if self.state.allowed(budget) <= 0:
                message = f"Cannot evict pod as it would violate the pod's disruption budget. {name} needs more pods"
                raise Refusal(429, "TooManyRequests", message, cause="DisruptionBudget")

    async def _write_event(self, request: web.Request) -> web.Response:
        self._grant("create", "events", request.match_info["namespace"])
        event = await request.json()
        _judge(event)
        if request.match_info["namespace"] != "default" or len(event["message"]) > 1024:
            raise Refusal(422, "Invalid", "involvedObject.namespace: Invalid value")
        if request.query.get("dryRun") != "All":
            self.state.events.append(event)
        return _json(event, 201)

    def _page(self, kind: str, items: list[Object], request: web.Request) -> web.Response:
        start, end = int(request.query.get("continue", 0)), len(items)
        size = min(self.page, int(request.query.get("limit", end)))
        metadata = {"resourceVersion": "1"} | ({"continue": str(start + size)} if start + size < end else {})
        return _json({"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": items[start : start + size]})

    def _grant(self, verb: str, resource: str, namespace: str = "") -> None:
        if (verb, resource) in self.denied:
            place = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
            asked = f'cannot {verb} resource "{resource}" in API group ""{place}'
            raise Refusal(403, "Forbidden", f'{resource} is forbidden: User "watcher" {asked}')
        self.granted.add((verb, resource))

    def _node(self, request: web.Request) -> Object:
        name = request.match_info["name"]
        if name not in self.state.nodes:
            raise Refusal(404, "NotFound", f'nodes "{name}" not found')
        return self.state.nodes[name]

    def _pod(self, request: web.Request) -> Object:
        key = request.match_info["namespace"], request.match_info["name"]
        if key not in self.state.pods:
            raise Refusal(404, "NotFound", f'pods "{key[1]}" not found')
        return self.state.pods[key]


def manage(before: Object, after: Object, manager: str) -> None:
    """Note who set `unschedulable`, as the server does: whoever changed its value last, alone."""
    if before["spec"].get("unschedulable") == after["spec"].get("unschedulable"):
        return
    entry = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:unschedulable": {}}},
    }
    after["metadata"]["managedFields"] = [entry] if after["spec"].get("unschedulable") else []


def _judge(body: Object) -> None:
    try:
        kubernetes_validate.validate(body, RELEASE, strict=True)
    except kubernetes_validate.ValidationError as fault:
        raise Refusal(422, "Invalid", f"{body.get('kind')} is invalid: {str(fault).splitlines()[0]}") from fault


def _json(body: Object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return an answer with the media type that the real server writes, which names no charset."""
    encoded = json.dumps(body).encode()
    return web.Response(body=encoded, status=status, headers=headers, content_type="application/json")
