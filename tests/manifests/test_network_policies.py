"""Who may reach whom in the cluster: nothing by default, the metadata service from the watchers alone."""

from ipaddress import IPv4Address, ip_network
from urllib.parse import urlsplit

import pytest

from services.vmwatch.settings import Settings as WatcherSettings
from tests.parts.manifests import VARIANTS, Object, containers, matches, of_kind, pods, rendered

each_variant = pytest.mark.parametrize("variant", VARIANTS)
METADATA, WIRE_SERVER = IPv4Address("169.254.169.254"), IPv4Address("168.63.129.16")
_WATCHERS = "leeward-vmwatch"


def policies(variant: str) -> list[Object]:
    """Return the policies of a variant."""
    return of_kind(rendered(variant), "NetworkPolicy")


def taken(policy: Object, variant: str) -> list[Object]:
    """Return the pods that a policy is about."""
    return [
        pod
        for pod in pods(rendered(variant), policy["metadata"]["namespace"])
        if matches(policy["spec"]["podSelector"], pod)
    ]


def reaches(rule: Object, address: IPv4Address) -> bool:
    """Whether a rule lets pods send to an address; one that names nobody lets them send to all."""
    blocks = [peer["ipBlock"] for peer in rule.get("to", ()) if "ipBlock" in peer]
    return not rule.get("to") or any(
        address in ip_network(block["cidr"])
        and not any(address in ip_network(hole) for hole in block.get("except", ()))
        for block in blocks
    )


def app(pod: Object) -> str:
    """Return the name of what runs in a pod."""
    return str(pod["metadata"]["labels"]["app.kubernetes.io/name"])


@each_variant
def test_every_pod_is_shut_off_in_both_directions_by_default(variant: str) -> None:
    for namespace in ("leeward", "leeward-vmwatch"):
        [shut] = [
            each["spec"]
            for each in policies(variant)
            if each["metadata"] == {"name": "default-deny", "namespace": namespace}
        ]
        assert shut == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@each_variant
def test_nobody_but_watchers_reaches_the_metadata_service_and_nobody_the_wire_server(variant: str) -> None:
    doors = [
        (app(pod), rule)
        for policy in policies(variant)
        for pod in taken(policy, variant)
        for rule in policy["spec"].get("egress", ())
    ]
    assert {name for name, rule in doors if reaches(rule, METADATA)} <= {_WATCHERS}
    assert not any(reaches(rule, WIRE_SERVER) for _, rule in doors)
    assert len(doors) > 5


def test_watchers_reach_the_metadata_service_where_they_look_for_it() -> None:
    url = urlsplit(WatcherSettings().imds_url)
    rules = [
        rule
        for policy in policies("production")
        if policy["metadata"]["name"] == _WATCHERS
        for rule in policy["spec"]["egress"]
        if reaches(rule, IPv4Address(url.hostname or ""))
    ]
    assert [rule["ports"] for rule in rules] == [[{"protocol": "TCP", "port": url.port or 80}]]


@each_variant
def test_every_policy_is_about_pods_that_there_are(variant: str) -> None:
    assert all(taken(policy, variant) for policy in policies(variant) if policy["spec"]["podSelector"])


@each_variant
def test_every_pod_that_a_rule_names_is_there(variant: str) -> None:
    for policy in policies(variant):
        own = policy["metadata"]["namespace"]
        rules = (*policy["spec"].get("ingress", ()), *policy["spec"].get("egress", ()))
        for peer in (each for rule in rules for each in rule.get("to", rule.get("from", ()))):
            labels = peer.get("namespaceSelector", {}).get("matchLabels", {})
            namespace = labels.get("kubernetes.io/metadata.name", own)
            if "podSelector" in peer and namespace != "kube-system":
                assert any(matches(peer["podSelector"], pod) for pod in pods(rendered(variant), namespace))


@each_variant
def test_doors_that_are_open_lead_to_ports_that_are_listened_on(variant: str) -> None:
    for policy in policies(variant):
        there = {
            port["containerPort"]
            for pod in taken(policy, variant)
            for container in containers(pod)
            for port in container.get("ports", ())
        }
        for rule in policy["spec"].get("ingress", ()):
            assert rule["from"]
            assert {port["port"] for port in rule["ports"]} <= there


@each_variant
def test_what_pods_send_to_each_other_is_let_in_where_it_is_let_out(variant: str) -> None:
    opened = {
        (app(pod), port["port"])
        for policy in policies(variant)
        for pod in taken(policy, variant)
        for rule in policy["spec"].get("ingress", ())
        for port in rule["ports"]
    }
    for policy in policies(variant):
        for rule in policy["spec"].get("egress", ()):
            for peer in (each for each in rule["to"] if "podSelector" in each):
                name = peer["podSelector"]["matchLabels"].get("app.kubernetes.io/name")
                assert name is None or {(name, port["port"]) for port in rule["ports"]} <= opened


def test_nodes_reach_the_broker_where_watchers_are_in_their_network() -> None:
    [broker] = [each for each in policies("host-network") if each["metadata"]["name"] == "leeward-broker"]
    assert [peer for peer in broker["spec"]["ingress"][0]["from"] if "ipBlock" in peer]
    [usual] = [each for each in policies("production") if each["metadata"]["name"] == "leeward-broker"]
    assert not [peer for peer in usual["spec"]["ingress"][0]["from"] if "ipBlock" in peer]
