"""Where messages go: settings that cannot work are named at the start."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from services.scheduler.settings import Settings
from shared.bus import BusSettings
from shared.settings import SettingsError, load
from tests.parts.certificates import Authority


def test_by_default_messages_go_to_azure_and_to_leewards_own_broker() -> None:
    settings = load(Settings, {"LEEWARD_MQTT_URL": "mqtt://user:secret@broker"})
    assert settings.storage_queues.at("abc") == "https://abc.queue.core.windows.net"
    assert settings.service_bus.at("space1") == "https://space1.servicebus.windows.net"
    assert settings.service_bus_amqp.at("space1") == "amqps://space1.servicebus.windows.net:5671"
    assert settings.actions_bus == settings.bus


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LEEWARD_STORAGE_QUEUE_ENDPOINT", "https://{acount}.queue.core.windows.net"),
        ("LEEWARD_STORAGE_QUEUE_ENDPOINT", "http://azurite:10001/{account}"),
        ("LEEWARD_SERVICE_BUS_ENDPOINT", "amqps://{namespace}.servicebus.windows.net"),
        ("LEEWARD_SERVICE_BUS_AMQP_ENDPOINT", "amqp://{namespace}.servicebus.windows.net"),
        ("LEEWARD_ACTIONS_MQTT_URL", "http://broker"),
        ("LEEWARD_ACTIONS_MQTT_CERT", "no-such-file.pem"),
    ],
)
def test_an_address_that_cannot_work_is_named_at_the_start(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable.removeprefix("LEEWARD_").lower().removesuffix("_cert")):
        load(Settings, {variable: value})


def test_another_broker_gets_none_of_leewards_credentials() -> None:
    own = {"LEEWARD_MQTT_URL": "mqtt://leeward:secret@broker"}
    settings = load(Settings, {**own, "LEEWARD_ACTIONS_MQTT_URL": "mqtt://jobs:other@elsewhere"})
    assert settings.actions_bus == BusSettings(url="mqtt://jobs:other@elsewhere")
    assert settings.bus == BusSettings(url="mqtt://leeward:secret@broker")


def test_jobs_may_have_an_identity_of_their_own_at_leewards_broker(tmp_path: Path) -> None:
    authority = Authority()
    own, own_key = authority.certify("leeward-scheduler").files(tmp_path, "own")
    jobs, jobs_key = authority.certify("leeward-actions").files(tmp_path, "jobs")
    settings = Settings(
        mqtt_url="mqtts://broker",
        mqtt_ca=authority.file(tmp_path),
        mqtt_cert=own,
        mqtt_key=own_key,
        actions_mqtt_cert=jobs,
        actions_mqtt_key=jobs_key,
    )
    assert settings.actions_bus == replace(settings.bus, cert=jobs, key=jobs_key)
    assert settings.bus.cert == own
