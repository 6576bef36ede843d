"""The watcher's settings and metrics."""

from pathlib import Path

import pytest

from services.vmwatch.errors import MetadataOutcome
from services.vmwatch.metrics import Metrics
from services.vmwatch.settings import Settings
from shared.settings import SettingsError, load, masked


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


@pytest.mark.parametrize("written", ["dhcp", "DHCP", " dhcp "])
def test_dhcp_may_tell_where_the_metadata_service_is(written: str) -> None:
    assert load(Settings, {"LEEWARD_IMDS_URL": written}).asks_dhcp
    assert not load(Settings, {}).asks_dhcp


@pytest.mark.parametrize("version", ["2017-03-01", "2020-07-01", "2027-11-30", "2027-11-30-preview"])
def test_a_newer_version_of_scheduled_events_can_be_set(version: str) -> None:
    assert load(Settings, {"LEEWARD_IMDS_API_VERSION": version}).imds_api_version == version


@pytest.mark.parametrize("version", ["{latest}", "2020-7-1", "2020-13-01", "2020-07-01&x=1", "v2"])
def test_a_version_that_is_no_date_is_refused_by_name(version: str) -> None:
    with pytest.raises(SettingsError, match="imds_api_version"):
        load(Settings, {"LEEWARD_IMDS_API_VERSION": version})


def test_responders_are_off_unless_they_are_set(tmp_path: Path) -> None:
    settings = load(Settings, {})
    assert (settings.command_settings, settings.webhook_settings, settings.dry_run) == (None, None, False)
    environment = {
        "LEEWARD_COMMAND": "/bin/sh -c 'exit 0' ${phase}",
        "LEEWARD_COMMAND_PHASES": "prepare,resume",
        "LEEWARD_WEBHOOK_URL": "https://a.example/x,http://b.example/y",
        "LEEWARD_STATE_FILE": f"{tmp_path}/state.json",
    }
    settings = load(Settings, environment, ["--dry-run", "--webhook-required"])
    command, webhook = settings.command_settings, settings.webhook_settings
    assert command is not None
    assert webhook is not None
    assert (command.argv, command.phases) == (("/bin/sh", "-c", "exit 0", "${phase}"), ("prepare", "resume"))
    assert (webhook.urls, webhook.required) == (("https://a.example/x", "http://b.example/y"), True)
    assert settings.dry_run


def test_all_faults_of_responders_are_reported_together(tmp_path: Path) -> None:
    (tmp_path / "template").write_text('{"text": "${event.typ}"}')
    (tmp_path / "secret").write_text("hush")
    environment = {
        "LEEWARD_COMMAND": f"{tmp_path}/leave",
        "LEEWARD_COMMAND_PHASES": "drain",
        "LEEWARD_COMMAND_FOLDER": f"{tmp_path}/none",
        "LEEWARD_WEBHOOK_URL": "hooks.example/a-secret",
        "LEEWARD_WEBHOOK_TEMPLATE_FILE": f"{tmp_path}/template",
        "LEEWARD_WEBHOOK_SECRET_FILE": f"{tmp_path}/secret",
        "LEEWARD_STATE_FILE": f"{tmp_path}/none/state.json",
    }
    with pytest.raises(SettingsError) as raised:
        load(Settings, environment)
    told = str(raised.value)
    for part in (
        "leave is no program",
        "mean drained?",
        "no such folder",
        "webhook_url=***",
        "${event.type}?",
        "whsec_",
    ):
        assert part in told
    assert "state_file" in told
    assert "hush" not in told
    assert "a-secret" not in told


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("leave --now", "whole path"),
        ("/bin/sh 'x", "no closing quotation"),
        ('["/bin/sh", 1]', "JSON list"),
        ("[]", "path"),
    ],
)
def test_a_command_that_is_none_is_refused_with_what_to_write(written: str, hint: str) -> None:
    with pytest.raises(SettingsError, match=f"command: .*{hint}"):
        load(Settings, {"LEEWARD_COMMAND": written})


def test_addresses_of_webhooks_are_secrets() -> None:
    settings = load(Settings, {"LEEWARD_WEBHOOK_URL": "https://hooks.example:8443/T0/B0/a-secret?key=another"})
    assert masked(settings)["webhook_url"] == "https://hooks.example:8443/***"


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
