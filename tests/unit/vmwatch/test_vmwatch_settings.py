"""The watcher's settings and metrics."""

import pytest

from services.vmwatch.errors import MetadataOutcome
from services.vmwatch.metrics import Metrics
from services.vmwatch.settings import Settings
from shared.settings import SettingsError, load


def test_the_defaults_are_those_of_a_vm_on_azure() -> None:
    settings = load(Settings, {})
    assert settings.imds_url == "http://169.254.169.254"
    assert (settings.poll_seconds, settings.ops_listen, settings.host) == (1.0, "127.0.0.1:9465", None)


def test_what_the_operator_fixes_goes_into_the_overrides() -> None:
    settings = load(Settings, {"LEEWARD_HOST": "db-0", "LEEWARD_POOLS": "db,main"}, ["--group", "mine"])
    overrides = settings.overrides
    assert (overrides.host, overrides.pools, overrides.group) == ("db-0", ("db", "main"), "mine")


def test_all_faults_are_reported_together() -> None:
    environment = {
        "LEEWARD_POLL_SECONDS": "0.01",
        "LEEWARD_IMDS_URL": "169.254.169.254",
        "LEEWARD_TOPIC_PREFIX": "a/#",
        "LEEWARD_OPS_LISTEN": "9465",
        "LEEWARD_LOG_LEVEL": "loud",
        "LEEWARD_MQTT_URL": "mqtt://vm:secret",
    }
    with pytest.raises(SettingsError) as raised:
        load(Settings, environment)
    for name in ("poll_seconds", "imds_url", "topic prefix", "ops_listen", "log_level", "mqtt_url"):
        assert name in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("address", ["169.254.169.254", "http://", "http://[bad", "http://host:port"])
def test_an_address_of_the_metadata_service_that_is_none_is_refused_by_name(address: str) -> None:
    with pytest.raises(SettingsError, match="imds_url"):
        load(Settings, {"LEEWARD_IMDS_URL": address})


def test_event_types_are_counted_in_a_closed_set() -> None:
    metrics = Metrics("1.2.3")
    metrics.show_events(["Reboot", "Reboot", "SpotRebalanceRecommendation", "Novelty"])
    value = metrics.registry.get_sample_value
    assert value("leeward_events_active", {"type": "Reboot"}) == 2
    assert value("leeward_events_active", {"type": "Other"}) == 2
    metrics.show_events([])
    assert value("leeward_events_active", {"type": "Reboot"}) == 0


def test_every_outcome_has_its_series_from_the_start() -> None:
    metrics = Metrics("1.2.3")
    for outcome in MetadataOutcome:
        assert metrics.registry.get_sample_value("leeward_metadata_requests_total", {"outcome": outcome}) == 0
    assert metrics.registry.get_sample_value("leeward_build_info", {"version": "1.2.3"}) == 1
