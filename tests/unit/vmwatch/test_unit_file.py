"""The systemd unit keeps the watcher going and confined; systemd's own judgement is in tests/vmwatch."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services import vmwatch

UNIT = Path(vmwatch.__file__).with_name("leeward-vmwatch.service")
SECTIONS = {"Unit", "Service", "Install"}


def directives() -> Iterator[tuple[str, str, str]]:
    """Yield section, name and value of each directive."""
    section = ""
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            assert equals, f"no directive: {line}"
            yield section, name, value


def values(name: str) -> list[str]:
    return [value for _, each, value in directives() if each == name]


def test_every_line_is_a_directive_in_a_section_that_systemd_has() -> None:
    assert {section for section, _, _ in directives()} == SECTIONS
    assert all(name.isalpha() and name[0].isupper() for _, name, _ in directives())


def test_no_directive_is_given_twice_but_the_filter_of_system_calls() -> None:
    names = [name for _, name, _ in directives() if name != "SystemCallFilter"]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("After", "network-online.target"),
        ("Wants", "network-online.target"),
        ("Restart", "always"),
        ("StartLimitIntervalSec", "0"),
        ("WantedBy", "multi-user.target"),
    ],
)
def test_it_starts_with_the_network_and_always_again(name: str, value: str) -> None:
    assert values(name) == [value]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateDevices", "yes"),
        ("CapabilityBoundingSet", ""),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
        ("MemoryDenyWriteExecute", "yes"),
    ],
)
def test_it_may_do_no_more_than_it_must(name: str, value: str) -> None:
    assert values(name) == [value]


def test_a_restart_leaves_azure_its_breath_and_memory_its_bound() -> None:
    assert float(values("RestartSec")[0]) >= 1
    assert 60 < int(values("MemoryMax")[0].removesuffix("M")) <= 128


def test_its_settings_and_secrets_lie_outside_of_the_unit() -> None:
    assert values("EnvironmentFile") == ["-/etc/leeward/vmwatch.env"]
    assert values("Environment") == []
