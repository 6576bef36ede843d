"""Settings from flags, variables and defaults, with all faults at once."""

from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from services.scheduler import settings as scheduler
from services.vmwatch import settings as vmwatch
from shared.settings import SHARED_NAMES, Listen, SettingsError, load, masked, parse_listen, sources


class Approve(StrEnum):
    NONE = "none"
    USER = "user"
    ALL = "all"


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    describe: ClassVar[dict[str, str]] = {"poll_seconds": "seconds between two looks"}

    mqtt_url: str = "mqtt://127.0.0.1:1883"
    poll_seconds: float = 1
    lease_seconds: int = 15
    approve: Approve = Approve.USER
    tokens_file: Path | None = None
    pools: tuple[str, ...] = ("db",)
    listen: Listen = Listen("127.0.0.1", 8080)
    verbose: bool = False

    def __post_init__(self) -> None:
        faults = []
        if self.poll_seconds <= 0:
            faults.append("LEEWARD_POLL_SECONDS must be positive")
        if self.lease_seconds < 5:
            faults.append("LEEWARD_LEASE_SECONDS must be at least 5")
        if faults:
            raise ValueError(*faults)


def test_defaults_hold_when_nothing_is_said() -> None:
    assert load(Sample, {}) == Sample()


def test_a_variable_beats_the_default_and_a_flag_beats_the_variable() -> None:
    environment = {"LEEWARD_POLL_SECONDS": "2", "LEEWARD_LEASE_SECONDS": "20"}
    settings = load(Sample, environment, ["--poll-seconds", "0.5"])
    assert (settings.poll_seconds, settings.lease_seconds) == (0.5, 20)


def test_each_setting_knows_what_set_it() -> None:
    environment = {"LEEWARD_POLL_SECONDS": "2", "LEEWARD_LEASE_SECONDS": "20", "LEEWARD_APPROVE": ""}
    told = sources(Sample, environment, ["--poll-seconds", "0.5", "--verbose"])
    assert told == {
        "poll_seconds": "--poll-seconds",
        "lease_seconds": "LEEWARD_LEASE_SECONDS",
        "verbose": "--verbose",
    }


def test_every_type_is_read_from_text() -> None:
    settings = load(
        Sample,
        {"LEEWARD_APPROVE": "ALL", "LEEWARD_TOKENS_FILE": "/etc/tokens", "LEEWARD_POOLS": "db, web,"},
        ["--listen=[::1]:0", "--verbose"],
    )
    assert settings == Sample(
        approve=Approve.ALL,
        tokens_file=Path("/etc/tokens"),
        pools=("db", "web"),
        listen=Listen("::1", 0),
        verbose=True,
    )


def test_an_empty_variable_counts_as_unset_except_for_a_list() -> None:
    settings = load(Sample, {"LEEWARD_LEASE_SECONDS": "", "LEEWARD_TOKENS_FILE": "", "LEEWARD_POOLS": ""})
    assert settings == Sample(pools=())


def test_one_environment_serves_both_services() -> None:
    assert load(Sample, {"LEEWARD_DATABASE_URL": "sqlite:///a.db", "PATH": "/bin"}) == Sample()


@pytest.mark.parametrize("kind", [scheduler.Settings, vmwatch.Settings])
def test_every_service_accepts_the_variables_of_the_others(kind: type[msgspec.Struct]) -> None:
    assert set(kind.__struct_fields__) <= SHARED_NAMES


def test_all_faults_are_told_at_once_with_the_nearest_names() -> None:
    environment = {
        "LEEWARD_POL_SECONDS": "1",
        "LEEWARD_LEASE_SECONDS": "soon",
        "LEEWARD_APPROVE": "usr",
        "LEEWARD_POLL_SECONDS": "-1",
    }
    with pytest.raises(SettingsError) as caught:
        load(Sample, environment, ["--listn", "x:1", "--listen", "nowhere", "--mqtt-url"])
    assert str(caught.value).splitlines()[1:] == [
        "  LEEWARD_POL_SECONDS is unknown; did you mean LEEWARD_POLL_SECONDS?",
        "  --listn is unknown; did you mean --listen?",
        "  --mqtt-url needs a value",
        "  LEEWARD_APPROVE=usr: write one of none, user, all; did you mean user?",
        "  LEEWARD_LEASE_SECONDS=soon: write a whole number",
        "  --listen=nowhere: write host:port, for example 127.0.0.1:8080 or [::1]:8080",
        "  LEEWARD_POLL_SECONDS must be positive",
    ]


def test_faults_of_the_whole_are_told_each() -> None:
    with pytest.raises(SettingsError, match=r"POLL_SECONDS must(?s:.*)LEASE_SECONDS must"):
        load(Sample, {"LEEWARD_POLL_SECONDS": "0", "LEEWARD_LEASE_SECONDS": "1"})


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "one"])
def test_only_finite_numbers_are_numbers(text: str) -> None:
    with pytest.raises(SettingsError, match="number"):
        load(Sample, {"LEEWARD_POLL_SECONDS": text})


def test_a_required_setting_that_is_missing_is_named() -> None:
    class Needy(msgspec.Struct, frozen=True):
        host: str

    with pytest.raises(SettingsError, match=r"LEEWARD_HOST \(or --host\) is required"):
        load(Needy, {})


def test_passwords_and_tokens_are_never_shown() -> None:
    class Secretive(msgspec.Struct, frozen=True):
        mqtt_url: str = "mqtts://db-0:p%40ss@broker:8883"
        token: str = "hush"
        pools: tuple[str, ...] = ("db", "web")
        tokens_file: Path | None = None

    assert masked(Secretive()) == {
        "mqtt_url": "mqtts://db-0:***@broker:8883",
        "token": "***",
        "pools": "db,web",
        "tokens_file": "",
    }


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "postgresql://db/x?user=a&password=hush&sslmode=require",
            "postgresql://db/x?user=a&password=***&sslmode=require",
        ),
        ("postgresql://a:hu/sh@db/x", "postgresql://***"),
        ("postgresql://a:hu#sh@db/x", "postgresql://***"),
        ("postgresql://a:hush@[::1/x", "***"),
        ("https://collector:4318/v1?token=hush", "https://collector:4318/v1?token=***"),
        ("mqtt://broker:1883", "mqtt://broker:1883"),
        ("sqlite:////var/lib/leeward.db", "sqlite:////var/lib/leeward.db"),
    ],
)
def test_a_password_is_hidden_wherever_in_a_url_it_stands(url: str, shown: str) -> None:
    class Place(msgspec.Struct, frozen=True):
        database_url: str

    assert masked(Place(url)) == {"database_url": shown}


def test_a_fault_that_quotes_a_url_hides_its_password() -> None:
    class Picky(msgspec.Struct, frozen=True):
        endpoint: str

        def __post_init__(self) -> None:
            raise ValueError(f"endpoint={self.endpoint}: no credentials here")

    with pytest.raises(SettingsError, match=r"endpoint=https://me:\*\*\*@host/: no credentials here"):
        load(Picky, {"LEEWARD_ENDPOINT": "https://me:hush@host/"})


def test_help_lists_each_setting_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(Sample, {}, ["--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert "--poll-seconds  LEEWARD_POLL_SECONDS  (default 1)\n      seconds between two looks" in shown
    assert "--tokens-file  LEEWARD_TOKENS_FILE  (default none)" in shown


@pytest.mark.parametrize("text", ["", "8080", ":8080", "localhost", "::1:8080", "[::1]", "[a]:1", "a:-1", "a:65536"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        parse_listen(text)


@pytest.mark.parametrize(
    ("text", "loopback"),
    [("127.0.0.1:1", True), ("[::1]:1", True), ("localhost:1", True), ("0.0.0.0:1", False), ("host:1", False)],
)
def test_an_address_knows_whether_only_this_machine_can_reach_it(text: str, loopback: bool) -> None:
    listen = parse_listen(text)
    assert listen.is_loopback is loopback
    assert str(listen) == text
