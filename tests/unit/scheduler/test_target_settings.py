"""Settings of outgoing calls: what is refused at start, and what is said of it."""

from pathlib import Path

import pytest

from services.scheduler.settings import Settings
from shared.settings import SettingsError, load
from tests.parts.certificates import Authority


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("LEEWARD_TARGETS_DENY", "10.0.0.1/8", "targets_deny=10.0.0.1/8: 10.0.0.1/8 has host bits set"),
        ("LEEWARD_TARGETS_ALLOW", "db-0", "targets_allow=db-0: "),
        (
            "LEEWARD_OAUTH_AUTHORITY",
            "http://login.test",
            "oauth_authority=http://login.test: write https:// and a host",
        ),
        ("LEEWARD_OAUTH_AUTHORITY", "login.test", "write https:// and a host"),
        ("LEEWARD_OAUTH_AUTHORITY", "https://", "write https:// and a host"),
        ("LEEWARD_TARGETS_CA", "/nowhere/ca.pem", "targets_ca=/nowhere/ca.pem: No such file or directory"),
    ],
)
def test_what_cannot_work_is_told_at_start(variable: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=r"these settings cannot be used") as told:
        load(Settings, {variable: value})
    assert said in str(told.value)


def test_a_file_without_certificates_is_told_at_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing\n")
    with pytest.raises(SettingsError, match=r"ca\.pem: holds no certificate in PEM"):
        load(Settings, {"LEEWARD_TARGETS_CA": str(tmp_path / "ca.pem")})


def test_a_file_of_authorities_is_taken(tmp_path: Path) -> None:
    file = Authority().file(tmp_path)
    assert load(Settings, {"LEEWARD_TARGETS_CA": str(file)}).targets_ca == file
