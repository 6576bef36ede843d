"""Settings that say who may call, and from where: what cannot work is told at start."""

from pathlib import Path

import pytest

from services.scheduler.settings import Settings
from shared.addresses import is_confidential
from shared.settings import SettingsError, load

OIDC = {"LEEWARD_OIDC_ISSUER": "https://login.example/t", "LEEWARD_OIDC_AUDIENCE": "api://leeward"}
FAR = {"LEEWARD_LISTEN": "0.0.0.0:8080"}


def test_without_authentication_only_loopback_is_listened_on() -> None:
    with pytest.raises(SettingsError) as caught:
        load(Settings, FAR)
    assert "set LEEWARD_TOKENS_FILE (leeward tokens add writes one) or LEEWARD_OIDC_ISSUER" in str(caught.value)
    for address in ("localhost:1", "127.0.0.9:1", "[::1]:1"):
        assert load(Settings, {"LEEWARD_LISTEN": address}).has_authentication is False


@pytest.mark.parametrize("known", [{"LEEWARD_TOKENS_FILE": "tokens"}, OIDC])
def test_with_either_kind_of_token_it_may_be_anywhere(known: dict[str, str]) -> None:
    assert load(Settings, {**FAR, **known}).has_authentication


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"LEEWARD_OIDC_ISSUER": "https://login.example/t"}, "oidc_issuer, oidc_audience: set both"),
        ({"LEEWARD_OIDC_AUDIENCE": "api://leeward"}, "oidc_issuer, oidc_audience: set both"),
        ({**OIDC, "LEEWARD_OIDC_ISSUER": "http://login.example/t"}, "write an https address"),
        ({"LEEWARD_LISTEN_CERT": "cert.pem"}, "listen_cert, listen_key: set both"),
        ({"LEEWARD_CALLER_RATE": "-1"}, "caller_rate=-1: use 0"),
    ],
)
def test_what_proves_nothing_is_refused(settings: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(Settings, settings)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("url", "is_so"),
    [
        ("https://a.example", True),
        ("http://127.0.0.1:9", True),
        ("http://[::1]", True),
        ("http://localhost", True),
        ("http://a.example", False),
        ("http://localhost.evil.example", False),
        ("https://", False),
        ("ftp://127.0.0.1", False),
        ("https://[", False),
    ],
)
def test_only_https_and_this_machine_keep_a_secret(url: str, is_so: bool) -> None:
    assert is_confidential(url) is is_so


def test_one_environment_serves_client_and_scheduler() -> None:
    settings = load(Settings, {"LEEWARD_TOKEN": "x", "LEEWARD_TOKEN_FILE": "y", "LEEWARD_CA": "z"})
    assert settings.tokens_file is None
    assert load(Settings, {"LEEWARD_TOKENS_FILE": "t"}).tokens_file == Path("t")
