"""The kinds of cert-manager and the Prometheus Operator that k8s/ uses: their fields as far as we set them, no others.

Fields and words are those of cert-manager.io/v1 and monitoring.coreos.com/v1; whatever is misspelt is refused.
"""

from typing import Any, Literal

import msgspec


class _Strict(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    pass


class _Metadata(_Strict):
    name: str
    namespace: str
    labels: dict[str, str] = {}


class _IssuerRef(_Strict):
    group: Literal["cert-manager.io"]
    kind: Literal["Issuer"]
    name: str


class _PrivateKey(_Strict):
    algorithm: Literal["RSA", "ECDSA", "Ed25519"]
    size: Literal[256, 384, 521]
    rotation_policy: Literal["Never", "Always"]


class CertificateSpec(_Strict):
    """What a Certificate asks for."""

    common_name: str
    secret_name: str
    duration: str
    private_key: _PrivateKey
    usages: list[Literal["digital signature", "server auth", "client auth", "cert sign", "crl sign"]]
    issuer_ref: _IssuerRef
    dns_names: list[str] = []
    renew_before: str = ""
    is_ca: bool = msgspec.field(default=False, name="isCA")


class _Authority(_Strict):
    secret_name: str


class IssuerSpec(_Strict):
    """Who signs: itself, or the authority of a Secret in the Issuer's namespace."""

    self_signed: dict[str, str] | None = None
    ca: _Authority | None = None


class _Selector(_Strict):
    match_labels: dict[str, str]


class _Relabeling(_Strict):
    source_labels: list[str]
    target_label: str
    action: Literal["replace"]


class Endpoint(_Strict):
    """A port that is scraped."""

    port: str
    path: str
    interval: str
    relabelings: list[_Relabeling] = []


class ServiceMonitorSpec(_Strict):
    """Which Services are scraped, and how."""

    job_label: str
    selector: _Selector
    endpoints: list[Endpoint]


class PodMonitorSpec(_Strict):
    """Which pods are scraped, and how."""

    job_label: str
    selector: _Selector
    pod_metrics_endpoints: list[Endpoint]


class _PrometheusRuleSpec(_Strict):
    groups: list[dict[str, Any]]


class _Certificate(_Strict):
    api_version: Literal["cert-manager.io/v1"]
    kind: Literal["Certificate"]
    metadata: _Metadata
    spec: CertificateSpec


class _Issuer(_Strict):
    api_version: Literal["cert-manager.io/v1"]
    kind: Literal["Issuer"]
    metadata: _Metadata
    spec: IssuerSpec


class _ServiceMonitor(_Strict):
    api_version: Literal["monitoring.coreos.com/v1"]
    kind: Literal["ServiceMonitor"]
    metadata: _Metadata
    spec: ServiceMonitorSpec


class _PodMonitor(_Strict):
    api_version: Literal["monitoring.coreos.com/v1"]
    kind: Literal["PodMonitor"]
    metadata: _Metadata
    spec: PodMonitorSpec


class _PrometheusRule(_Strict):
    api_version: Literal["monitoring.coreos.com/v1"]
    kind: Literal["PrometheusRule"]
    metadata: _Metadata
    spec: _PrometheusRuleSpec


_KINDS: dict[str, type[_Strict]] = {
    "Certificate": _Certificate,
    "Issuer": _Issuer,
    "ServiceMonitor": _ServiceMonitor,
    "PodMonitor": _PodMonitor,
    "PrometheusRule": _PrometheusRule,
}


def is_custom(each: dict[str, Any]) -> bool:
    """Whether an object is of a kind that Kubernetes itself does not have."""
    return each["kind"] in _KINDS


def check(each: dict[str, Any]) -> None:
    """Raise msgspec.ValidationError unless an object is well-formed."""
    msgspec.convert(each, _KINDS[each["kind"]])
