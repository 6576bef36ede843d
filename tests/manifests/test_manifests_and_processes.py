"""The manifests fit the processes: ports, probes, users, how long they take to leave, what they tell of themselves."""

import re
from pathlib import Path

import aiohttp
import pytest
import yaml
from prometheus_client import CollectorRegistry

from services.scheduler.app import FLUSH_SECONDS
from services.scheduler.metrics import Metrics
from services.scheduler.settings import Settings as SchedulerSettings
from services.vmwatch.app import _FAREWELL_SECONDS
from services.vmwatch.settings import Settings as WatcherSettings
from shared.ops import OpsServer
from shared.settings import Listen, parse_listen
from tests.parts.manifests import (
    K8S,
    ROOT,
    VARIANTS,
    Object,
    containers,
    matches,
    named,
    of_kind,
    pods,
    rendered,
    workloads,
)
from tests.parts.pod_environment import READERS, given

each_variant = pytest.mark.parametrize("variant", VARIANTS)
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_SPARE_SECONDS = 10


def ports(container: Object) -> dict[str, int]:
    """Return the ports of a container by name."""
    return {each["name"]: each["containerPort"] for each in container.get("ports", ())}


@each_variant
def test_ports_are_those_that_are_listened_on(variant: str) -> None:
    for pod in pods(rendered(variant)):
        for container in containers(pod):
            if container["name"] in READERS:
                read = given(pod, container, rendered(variant)).settings
                listens = {"api": getattr(read, "listen", None), "ops": getattr(read, "ops_listen", None)}
                expected = {name: parse_listen(where).port for name, where in listens.items() if where}
                assert ports(container) == expected


@each_variant
def test_services_and_probes_lead_to_ports_that_there_are(variant: str) -> None:
    objects = rendered(variant)
    for service in of_kind(objects, "Service"):
        [pod] = [
            each
            for each in pods(objects, service["metadata"]["namespace"])
            if service["spec"]["selector"].items() <= each["metadata"]["labels"].items()
        ]
        there = {name for container in containers(pod) for name in ports(container)}
        assert {each["targetPort"] for each in service["spec"]["ports"]} <= there
    for pod in pods(objects):
        for container in containers(pod):
            for probe in (container[name] for name in _PROBES if name in container):
                assert (probe.get("httpGet") or probe["tcpSocket"])["port"] in ports(container)


async def test_paths_of_probes_and_monitors_are_answered() -> None:
    asked = {
        container[name]["httpGet"]["path"]
        for pod in pods(rendered("aks"))
        for container in containers(pod)
        for name in _PROBES
        if "httpGet" in container.get(name, {})
    }
    monitors = of_kind(rendered("aks"), "ServiceMonitor", "PodMonitor")
    for monitor in monitors:
        endpoints = monitor["spec"].get("endpoints") or monitor["spec"]["podMetricsEndpoints"]
        asked |= {each["path"] for each in endpoints}
    server = OpsServer(Listen("127.0.0.1", 0), CollectorRegistry(), dict)
    async with server, aiohttp.ClientSession() as session:
        for path in asked:
            async with session.get(f"http://127.0.0.1:{server.port}{path}") as answer:
                assert answer.status == 200
    assert asked == {"/livez", "/readyz", "/metrics"}


@each_variant
def test_the_services_have_all_probes_and_only_livez_restarts_them(variant: str) -> None:
    for pod in pods(rendered(variant)):
        for container in containers(pod):
            if container["name"] in READERS:
                paths = [container[name]["httpGet"]["path"] for name in _PROBES]
                assert paths == ["/livez", "/livez", "/readyz"]


@each_variant
def test_nobody_is_killed_while_it_leaves_in_order(variant: str) -> None:
    objects = rendered(variant)
    pod = named(objects, "Deployment", "leeward-scheduler")["spec"]["template"]
    scheduler = pod["spec"]
    read = given(pod, scheduler["containers"][0], objects).settings
    assert isinstance(read, SchedulerSettings)
    waits = scheduler["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    leaving = waits + read.grace_seconds + FLUSH_SECONDS + _SPARE_SECONDS
    assert scheduler["terminationGracePeriodSeconds"] > leaving
    watcher = named(objects, "DaemonSet", "leeward-vmwatch")["spec"]["template"]["spec"]
    assert watcher["terminationGracePeriodSeconds"] > _FAREWELL_SECONDS + _SPARE_SECONDS


@each_variant
def test_the_users_are_those_of_the_images(variant: str) -> None:
    for pod in pods(rendered(variant)):
        for container in containers(pod):
            if container["name"] in READERS:
                text = (ROOT / "services" / container["name"] / "Dockerfile").read_text()
                [(user, group)] = re.findall(r"^USER (\d+):(\d+)$", text, re.MULTILINE)
                context = pod["spec"]["securityContext"]
                assert (context["runAsUser"], context["runAsGroup"]) == (int(user), int(group))


def test_the_emulator_is_a_command_of_the_image() -> None:
    [container] = named(rendered("local"), "Deployment", "leeward-imds")["spec"]["template"]["spec"]["containers"]
    assert f"\n{container['command'][0]} = " in (ROOT / "pyproject.toml").read_text()
    watcher = named(rendered("local"), "DaemonSet", "leeward-vmwatch")["spec"]["template"]
    read = given(watcher, watcher["spec"]["containers"][0], rendered("local")).settings
    assert isinstance(read, WatcherSettings)
    host = container["command"][-1].partition(":")[0]
    assert read.imds_url == f"http://leeward-imds:{ports(container)['imds']}/vm/{host}"


def test_what_the_autoscaler_goes_by_is_told_by_the_service_it_names() -> None:
    objects = rendered("autoscaled")
    [metric] = named(objects, "HorizontalPodAutoscaler", "leeward-scheduler")["spec"]["metrics"]
    name, told_by = metric["object"]["metric"]["name"], metric["object"]["describedObject"]
    assert name in {family.name for family in Metrics("test").registry.collect()}
    service = named(objects, told_by["kind"], told_by["name"])
    monitor = named(rendered("monitored"), "ServiceMonitor", "leeward-scheduler")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    rules = yaml.safe_load((K8S / "components/autoscaling/prometheus-adapter.yaml").read_text())["rules"]["custom"]
    assert [rule["seriesQuery"].partition("{")[0] for rule in rules] == [name]


def test_monitors_name_jobs_as_the_rules_do() -> None:
    objects = rendered("monitored")
    [monitor] = of_kind(objects, "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"]
    [service] = [each for each in of_kind(objects, "Service") if wanted.items() <= each["metadata"]["labels"].items()]
    [watchers] = of_kind(objects, "PodMonitor")
    [pod] = [each for each in pods(objects, "leeward-vmwatch") if matches(watchers["spec"]["selector"], each)]
    labels = (service["metadata"]["labels"], pod["metadata"]["labels"])
    jobs = {have[each["spec"]["jobLabel"]] for each, have in zip((monitor, watchers), labels, strict=True)}
    rules = "".join(file.read_text() for file in (K8S / "monitoring/rules").glob("*.yaml"))
    assert set(re.findall(r'[{,]job="(leeward-[a-z]+)"', rules)) <= jobs
    assert len(jobs) == 2


def test_the_autoscaler_alone_says_how_many_replicas_there_are() -> None:
    scaler = named(rendered("autoscaled"), "HorizontalPodAutoscaler", "leeward-scheduler")["spec"]
    target = named(rendered("autoscaled"), scaler["scaleTargetRef"]["kind"], scaler["scaleTargetRef"]["name"])
    assert "replicas" not in target["spec"]
    assert 2 <= scaler["minReplicas"] < scaler["maxReplicas"]


@each_variant
def test_sqlite_has_one_replica_at_a_time_and_postgresql_several(variant: str) -> None:
    deployment = named(rendered(variant), "Deployment", "leeward-scheduler")["spec"]
    pod = deployment["template"]
    read = given(pod, pod["spec"]["containers"][0], rendered(variant)).settings
    assert isinstance(read, SchedulerSettings)
    if read.database_url.startswith("sqlite:"):
        assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    else:
        assert deployment.get("replicas", 2) >= 2
        assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@each_variant
def test_a_disruption_budget_always_lets_one_go(variant: str) -> None:
    objects = rendered(variant)
    for budget in of_kind(objects, "PodDisruptionBudget"):
        assert budget["spec"]["maxUnavailable"] >= 1
        assert "minAvailable" not in budget["spec"]
    assert len(of_kind(objects, "PodDisruptionBudget")) == 1


def test_two_watchers_never_speak_for_one_vm() -> None:
    update = named(rendered("production"), "DaemonSet", "leeward-vmwatch")["spec"]["updateStrategy"]["rollingUpdate"]
    assert update["maxSurge"] == 0


def test_every_file_of_k8s_belongs_to_an_overlay() -> None:
    told = {"kustomization.yaml", "README.md", "requirements.txt", "prometheus-adapter.yaml", "acl.conf"}
    for folder in (path for path in K8S.rglob("*") if path.is_dir() and (path / "kustomization.yaml").exists()):
        text = (folder / "kustomization.yaml").read_text()
        assert [file.name for file in folder.iterdir() if file.name not in told and file.name not in text] == []
    assert len(workloads(rendered("production"))) == 3
    assert Path(K8S / "overlays").is_dir()
