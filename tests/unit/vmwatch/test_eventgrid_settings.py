"""What an operator can set about Event Grid, and what cannot work."""

from pathlib import Path

import pytest

from services.vmwatch.__main__ import main
from services.vmwatch.settings import Settings
from shared.settings import SettingsError, load
from tests.parts.certificates import Authority

KEY = "a-key-of-twenty-four-chars"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A file with a good key."""
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    return path


def remote(key_file: Path, **more: str) -> dict[str, str]:
    settings = {
        "IMDS_URL": "none",
        "HOST": "outside",
        "GROUP": "fleet",
        "EVENTGRID_LISTEN": "127.0.0.1:0",
        "EVENTGRID_KEY_FILE": str(key_file),
    }
    return {f"LEEWARD_{name}": value for name, value in {**settings, **more}.items()}


def refusal(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as raised:
        load(Settings, environment)
    return str(raised.value)


def test_it_is_off_by_default() -> None:
    settings = load(Settings, {})
    assert (settings.eventgrid, settings.is_remote) == (None, False)


def test_a_watcher_outside_of_the_vms_has_event_grid_alone(key_file: Path) -> None:
    settings = load(Settings, remote(key_file, EVENTGRID_SCOPE="/subscriptions/0/resourceGroups/rg"))
    assert settings.is_remote
    assert settings.eventgrid is not None
    assert (settings.eventgrid.key(), settings.eventgrid.tls()) == (KEY, None)


def test_what_a_watcher_outside_of_the_vms_lacks_is_said_all_at_once() -> None:
    told = refusal({"LEEWARD_IMDS_URL": "none", "LEEWARD_WEBHOOK_URL": "http://127.0.0.1/"})
    assert all(name in told for name in ("eventgrid_listen:", "host:", "group:", "responders work on the VM"))


def test_everything_that_cannot_work_is_named(key_file: Path) -> None:
    told = refusal(remote(key_file, EVENTGRID_LISTEN="8443", EVENTGRID_SCOPE="rg", EVENTGRID_LISTEN_CERT=str(key_file)))
    assert all(name in told for name in ("eventgrid_listen=8443", "eventgrid_scope=rg", "set both, or neither"))


@pytest.mark.parametrize("key", ["", "short", "two words of a good length", "ümlaut-ümlaut-ümlaut", "x" * 5000])
def test_a_key_that_is_none_is_refused_and_not_shown(key_file: Path, key: str) -> None:
    key_file.write_text(key)
    told = refusal(remote(key_file))
    assert "eventgrid_key_file=" in told
    assert not key or key not in told


def test_without_a_key_nobody_may_post(key_file: Path) -> None:
    assert "Event Grid must show a secret" in refusal({"LEEWARD_EVENTGRID_LISTEN": "127.0.0.1:0"})
    assert "No such file" in refusal(remote(key_file.with_name("absent")))


def test_a_certificate_and_a_key_that_do_not_belong_together_are_refused(key_file: Path, tmp_path: Path) -> None:
    authority = Authority()
    certificate, _ = authority.certify("localhost").files(tmp_path, "one")
    _, other = authority.certify("localhost").files(tmp_path, "other")
    told = refusal(remote(key_file, EVENTGRID_LISTEN_CERT=str(certificate), EVENTGRID_LISTEN_KEY=str(other)))
    assert "eventgrid_listen_cert=" in told
    assert "its unencrypted private key" in told


def test_there_is_nothing_to_print_without_a_metadata_service(
    key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(remote(key_file), ["--print"]) == 2
    assert "imds_url=none says that there is none" in capsys.readouterr().err
