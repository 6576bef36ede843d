"""What objects of the manifests name in each other is there: accounts, ConfigMaps, labels, Secrets, identities."""

import re

import pytest

from tests.parts.manifests import K8S, VARIANTS, Object, matches, named, of_kind, pods, rendered, workloads
from tests.parts.pod_environment import given

each_variant = pytest.mark.parametrize("variant", VARIANTS)


def names(objects: list[Object], kind: str, namespace: str) -> set[str]:
    """Return the names of what there is of a kind in a namespace."""
    return {each["metadata"]["name"] for each in of_kind(objects, kind) if each["metadata"]["namespace"] == namespace}


def secrets(objects: list[Object]) -> dict[tuple[str, str], set[str]]:
    """Return the keys that are used of each Secret, by namespace and name."""
    found: dict[tuple[str, str], set[str]] = {}
    for each in workloads(objects):
        namespace, spec = each["metadata"]["namespace"], each["spec"]["template"]["spec"]
        for volume in (volume["secret"] for volume in spec.get("volumes", ()) if "secret" in volume):
            keys = {item["key"] for item in volume["items"]}
            found.setdefault((namespace, volume["secretName"]), set()).update(keys)
        for variable in (one for container in spec["containers"] for one in container.get("env", ())):
            if (reference := variable.get("valueFrom", {}).get("secretKeyRef")) is not None:
                found.setdefault((namespace, reference["name"]), set()).add(reference["key"])
    return found


@each_variant
def test_selectors_take_the_pods_that_they_are_about(variant: str) -> None:
    for each in workloads(rendered(variant)):
        pod = each["spec"]["template"]
        assert matches(each["spec"]["selector"], pod)
        for spread in pod["spec"].get("topologySpreadConstraints", ()):
            assert matches(spread["labelSelector"], pod)
    for budget in of_kind(rendered(variant), "PodDisruptionBudget"):
        taken = [pod for pod in pods(rendered(variant), "leeward") if matches(budget["spec"]["selector"], pod)]
        assert len(taken) == 1


@each_variant
def test_accounts_and_configmaps_that_pods_name_are_there(variant: str) -> None:
    objects = rendered(variant)
    for each in workloads(objects):
        namespace, spec = each["metadata"]["namespace"], each["spec"]["template"]["spec"]
        assert spec["serviceAccountName"] in names(objects, "ServiceAccount", namespace)
        maps = {volume["configMap"]["name"] for volume in spec.get("volumes", ()) if "configMap" in volume}
        for container in spec["containers"]:
            maps |= {source["configMapRef"]["name"] for source in container.get("envFrom", ())}
            assert {mount["name"] for mount in container.get("volumeMounts", ())} <= {
                volume["name"] for volume in (*spec.get("volumes", ()), *claims(each))
            }
        assert maps <= names(objects, "ConfigMap", namespace)


def claims(workload: Object) -> list[Object]:
    """Return the volumes that a StatefulSet claims for its pods."""
    return [{"name": each["metadata"]["name"]} for each in workload["spec"].get("volumeClaimTemplates", ())]


@each_variant
def test_only_the_kubernetes_responder_gets_a_token_of_the_cluster(variant: str) -> None:
    objects = rendered(variant)
    holders = {
        each["metadata"]["name"]
        for each in workloads(objects)
        if each["spec"]["template"]["spec"]["automountServiceAccountToken"]
    }
    bound = {
        (subject["namespace"], subject["name"])
        for each in of_kind(objects, "ClusterRoleBinding", "RoleBinding")
        for subject in each["subjects"]
    }
    assert bound == {("leeward-vmwatch", name) for name in holders}
    assert holders == ({"leeward-vmwatch"} if "kubernetes-responder" in VARIANTS[variant][1] else set())


def test_roles_that_are_bound_are_there() -> None:
    objects = rendered("deleting")
    for each in of_kind(objects, "ClusterRoleBinding", "RoleBinding"):
        role = each["roleRef"]
        assert named(objects, role["kind"], role["name"])["metadata"].get("namespace") == each["metadata"].get(
            "namespace"
        )


def test_cert_manager_makes_the_secrets_that_hold_certificates() -> None:
    objects = rendered("certificates")
    made = {
        (each["metadata"]["namespace"], each["spec"]["secretName"]): each["spec"]
        for each in of_kind(objects, "Certificate")
    }
    wanted = {where: keys for where, keys in secrets(objects).items() if "tls.key" in keys}
    assert wanted.keys() == {where for where, spec in made.items() if not spec.get("isCA")}
    for namespace, spec in ((where[0], spec) for where, spec in made.items()):
        issuer = named(
            [each for each in objects if each["metadata"].get("namespace") == namespace],
            "Issuer",
            spec["issuerRef"]["name"],
        )
        assert issuer["kind"] == spec["issuerRef"]["kind"]


def test_clients_are_who_the_access_list_knows_and_may_be_nothing_but_clients() -> None:
    users = set(re.findall(r"^user (\S+)$", (K8S / "base/broker/mosquitto.acl").read_text(), re.MULTILINE))
    clients = [
        each["spec"]
        for each in of_kind(rendered("certificates"), "Certificate")
        if "client auth" in each["spec"]["usages"]
    ]
    assert {each["commonName"] for each in clients} == {"leeward-scheduler", "leeward-actions", "leeward-vmwatch"}
    assert {each["commonName"] for each in clients} <= users
    assert all(each["issuerRef"]["name"] == "leeward-bus" for each in clients)
    assert not any("server auth" in each["usages"] for each in clients)


def test_the_certificates_of_servers_bear_the_names_by_which_they_are_dialled() -> None:
    objects = rendered("certificates")
    broker = named(objects, "Certificate", "leeward-broker")["spec"]["dnsNames"]
    for name in ("leeward-scheduler", "leeward-vmwatch"):
        [pod] = [pod for pod in pods(objects) if pod["spec"]["serviceAccountName"] == name]
        url = getattr(given(pod, pod["spec"]["containers"][0], objects).settings, "mqtt_url", "")
        service = named(objects, "Service", "leeward-broker")
        assert url == f"mqtts://{broker[0]}:{service['spec']['ports'][0]['port']}"
    api = named(objects, "Service", "leeward-scheduler")["metadata"]
    assert f"{api['name']}.{api['namespace']}.svc" in named(objects, "Certificate", "leeward-api")["spec"]["dnsNames"]


def test_a_certificate_for_the_api_cannot_speak_on_the_bus() -> None:
    api = named(rendered("certificates"), "Certificate", "leeward-api")["spec"]
    assert api["issuerRef"]["name"] != "leeward-bus"


def test_nobody_has_the_identity_of_all_watchers_where_each_vm_has_its_own() -> None:
    identities = {
        variant: {each["spec"]["commonName"] for each in of_kind(rendered(variant), "Certificate")}
        for variant in ("aks", "all")
    }
    assert identities["aks"] - identities["all"] == {"leeward-vmwatch"}
