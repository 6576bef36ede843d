"""What an event does to the node, what is read of a providerID, and what an API server's refusals mean."""

import pytest

from services.vmwatch.kubernetes_settings import KubernetesMode, KubernetesSettings
from services.vmwatch.responders.kubernetes.answers import Answer, to_error
from services.vmwatch.responders.kubernetes.errors import (
    BlockedError,
    BusyError,
    ClusterError,
    ConflictError,
    DeniedError,
    MissingError,
)
from services.vmwatch.responders.kubernetes.nodes import resource_name
from services.vmwatch.responders.kubernetes.policy import mode_for
from services.vmwatch.settings import Settings
from shared.messages import Event
from shared.settings import SettingsError, load

ARM = "azure:///subscriptions/0/resourceGroups/rg/providers/Microsoft.Compute"


def settings_of(**environment: str) -> KubernetesSettings:
    return load(Settings, {f"LEEWARD_{name.upper()}": value for name, value in environment.items()}).kubernetes_settings


def an_event(kind: str, status: str = "Scheduled", seconds: int | None = None) -> Event:
    return Event(event_id="E", type=kind, status=status, resources=("db-0",), duration_seconds=seconds)


def test_by_default_no_event_does_anything() -> None:
    assert settings_of().mode is KubernetesMode.OFF
    assert mode_for(an_event("Reboot"), settings_of()) is KubernetesMode.OFF


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("Reboot", "drain"),
        ("Preempt", "drain"),
        ("Freeze", "cordon"),
        ("SpotRebalanceRecommendation", "off"),
        ("Novelty", "off"),
    ],
)
def test_events_drain_but_freezes_only_cordon_and_unknown_types_do_nothing(kind: str, mode: str) -> None:
    assert mode_for(an_event(kind), settings_of(kubernetes="drain")) == mode


def test_each_type_can_be_set_in_any_case_and_unknown_ones_too() -> None:
    settings = settings_of(kubernetes="cordon", kubernetes_by_type="redeploy=Drain, Terminate=off,Novelty=cordon")
    modes = [mode_for(an_event(kind), settings) for kind in ("Redeploy", "Terminate", "Novelty", "Freeze")]
    assert modes == ["drain", "off", "cordon", "cordon"]


def test_an_advisory_does_nothing_whatever_is_set() -> None:
    settings = settings_of(kubernetes="drain", kubernetes_by_type="SpotRebalanceRecommendation=drain")
    assert mode_for(an_event("SpotRebalanceRecommendation", "Advisory"), settings) is KubernetesMode.OFF


@pytest.mark.parametrize(("seconds", "mode"), [(9, "off"), (10, "cordon"), (None, "cordon")])
def test_only_a_freeze_known_to_be_short_is_ignored(seconds: int | None, mode: str) -> None:
    settings = settings_of(kubernetes="drain", ignore_freeze_seconds="9")
    assert mode_for(an_event("Freeze", seconds=seconds), settings) == mode
    assert mode_for(an_event("Reboot", seconds=5), settings) is KubernetesMode.DRAIN


def test_all_faults_of_the_settings_are_told_together() -> None:
    environment = {
        "LEEWARD_KUBERNETES": "drian",
        "LEEWARD_KUBERNETES_BY_TYPE": "Freeze",
        "LEEWARD_KUBERNETES_TAINT": "a b",
        "LEEWARD_KUBERNETES_LEAVE": "app=cart,/x",
        "LEEWARD_KUBERNETES_GRACE_SECONDS": "0",
        "LEEWARD_KUBERNETES_BLOCKED_PODS": "wait",
    }
    with pytest.raises(SettingsError) as raised:
        load(Settings, environment)
    told = str(raised.value)
    assert "did you mean drain?" in told
    for text in (
        "kubernetes_by_type=Freeze",
        "kubernetes_taint=a b",
        "kubernetes_leave=/x",
        "at least 1",
        "fail, delete",
    ):
        assert text in told


@pytest.mark.parametrize(
    ("provider_id", "name"),
    [
        (f"{ARM}/virtualMachineScaleSets/aks-Pool-vmss/virtualMachines/18", "aks-pool-vmss_18"),
        (f"{ARM}/virtualMachines/aks-flex_0a1b2c3d", "aks-flex_0a1b2c3d"),
        (f"{ARM.lower()}/virtualmachines/DB-0", "db-0"),
        (f"{ARM}/virtualMachineScaleSets/aks-pool-vmss", ""),
        ("aws:///eu-west-1a/i-0123", ""),
        ("", ""),
    ],
)
def test_a_provider_id_gives_the_resource_name(provider_id: str, name: str) -> None:
    assert resource_name(provider_id) == name


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(code=401), DeniedError),
        (Answer(code=403, message="cannot list"), DeniedError),
        (Answer(code=403, causes=frozenset({"NamespaceTerminating"})), BlockedError),
        (Answer(code=403, message='admission webhook "x" denied the request'), BlockedError),
        (Answer(code=404), MissingError),
        (Answer(code=409), ConflictError),
        (Answer(code=422), ClusterError),
        (Answer(code=429), BusyError),
        (Answer(code=429, causes=frozenset({"DisruptionBudget"})), BlockedError),
        (Answer(code=500, message="This pod has more than one PodDisruptionBudget"), BlockedError),
        (Answer(code=503), BusyError),
    ],
)
def test_an_answers_meaning_is_more_than_its_code(answer: Answer, kind: type[ClusterError]) -> None:
    assert type(to_error("create pods/eviction", answer)) is kind


@pytest.mark.parametrize(
    ("given", "wait"), [("3", 3.0), (10, 10.0), ("86400", 60.0), ("soon", None), ("-1", None), ("nan", None)]
)
def test_a_server_is_obeyed_for_a_minute_at_most(given: str | int, wait: float | None) -> None:
    assert Answer(code=429, retry_after=given).wait == wait
