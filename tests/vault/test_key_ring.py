"""The keys of a running scheduler: read at the start, again when the file changes, kept when it goes bad."""

from datetime import timedelta
from pathlib import Path

import pytest

from services.scheduler.domain.secrets import KeyId
from services.scheduler.metrics import Metrics
from services.scheduler.settings import Settings
from services.scheduler.vault.keys import LOOK_AGAIN_SECONDS, KeyRing
from services.scheduler.vault.open import open_keys
from shared.clock import SystemClock
from shared.keyfile import add_key, create_keys, load_keys, remove_key, write_key
from shared.settings import SettingsError
from tests.parts.clocks import SteppedClock
from tests.parts.vaults import NOON, Turned, key

K1, K2 = KeyId("k1"), KeyId("k2")


def opened(path: Path, elapsed: Turned | None = None) -> tuple[KeyRing, Metrics]:
    metrics = Metrics("0")
    ring = KeyRing(path, SteppedClock.at(NOON), metrics, elapsed=elapsed or Turned())
    ring.begin(create=False)
    return ring, metrics


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "leeward.keys"
    create_keys(file, key("k1"))
    return file


def usable(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("leeward_file_in_force", {"file": "keys"})


def test_a_key_that_was_added_is_found_at_the_next_look(path: Path) -> None:
    ring, _ = opened(path)
    add_key(path, key("k2"))
    assert ring.sealing() == K1
    ring.look()
    assert ring.sealing() == K2


def test_a_key_waits_for_its_time_before_it_seals(path: Path) -> None:
    clock = SteppedClock.at(NOON)
    ring = KeyRing(path, clock, Metrics("0"))
    add_key(path, key("k2", seals_from=NOON + timedelta(minutes=2)))
    ring.begin(create=False)
    assert ring.sealing() == K1
    assert ring.find(K2) is not None
    clock.step(timedelta(minutes=2))
    assert ring.sealing() == K2


def test_an_unknown_key_is_looked_for_at_once_and_then_no_more_for_a_while(path: Path) -> None:
    elapsed = Turned()
    ring, _ = opened(path, elapsed)
    assert ring.find(K2) is None
    add_key(path, key("k2"))
    assert ring.find(K2) is None
    elapsed.seconds += LOOK_AGAIN_SECONDS
    assert ring.find(K2) is not None


def test_a_swapped_link_as_kubernetes_does_it_is_noticed(tmp_path: Path) -> None:
    for version, name in (("v1", "k1"), ("v2", "k2")):
        (tmp_path / version).mkdir()
        create_keys(tmp_path / version / "keys", key(name))
    (tmp_path / "..data").symlink_to("v1")
    (tmp_path / "keys").symlink_to("..data/keys")
    ring, _ = opened(tmp_path / "keys")
    (tmp_path / "..data_tmp").symlink_to("v2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    ring.look()
    assert ring.sealing() == K2


@pytest.mark.parametrize("spoil", ["nonsense", "gone", "open to all"])
def test_a_file_that_goes_bad_leaves_the_keys_as_they_were(path: Path, spoil: str) -> None:
    ring, metrics = opened(path)
    if spoil == "gone":
        path.unlink()
    else:
        path.write_text("nonsense" if spoil == "nonsense" else write_key(key("k2")))
        path.chmod(0o644 if spoil == "open to all" else 0o600)
    ring.look()
    assert ring.sealing() == K1
    assert usable(metrics) == 0


def test_a_file_that_is_good_again_is_taken(path: Path) -> None:
    ring, metrics = opened(path)
    path.write_text("nonsense")
    ring.look()
    path.write_text(write_key(key("k2")))
    ring.look()
    assert ring.sealing() == K2
    assert usable(metrics) == 1


def test_a_retired_key_opens_nothing_any_more(path: Path) -> None:
    ring, _ = opened(path)
    add_key(path, key("k2", seals_from=NOON - timedelta(hours=1)))
    remove_key(path, "k1", NOON)
    ring.look()
    assert ring.find(K1) is None


def test_beside_a_sqlite_file_the_keys_are_made_at_the_first_start_and_stay(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/leeward.db")
    first = open_keys(settings, SystemClock(), Metrics("0")).sealing()
    second = open_keys(settings, SystemClock(), Metrics("0")).sealing()
    assert first == second == KeyId(load_keys(tmp_path / "leeward.keys")[0].id)


def test_a_file_that_was_set_must_be_there(tmp_path: Path) -> None:
    settings = Settings(secret_keys_file=tmp_path / "absent")
    with pytest.raises(SettingsError, match=r"LEEWARD_SECRET_KEYS_FILE: keys file .*absent cannot be read"):
        open_keys(settings, SystemClock(), Metrics("0"))
    assert not (tmp_path / "absent").exists()


def test_a_file_that_cannot_be_understood_stops_the_start(path: Path) -> None:
    path.write_text("k1 nonsense")
    with pytest.raises(SettingsError, match="must be 32 bytes"):
        open_keys(Settings(secret_keys_file=path), SystemClock(), Metrics("0"))


def test_postgresql_without_a_file_has_no_key_and_memory_has_one_of_its_own() -> None:
    assert open_keys(Settings(database_url="postgresql://db/x"), SystemClock(), Metrics("0")).sealing() is None
    assert open_keys(Settings(database_url="memory://"), SystemClock(), Metrics("0")).sealing() is not None
