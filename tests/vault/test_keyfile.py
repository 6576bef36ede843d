"""The file of keys: what people may write in it, how it is made, added to and shortened."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from shared.keyfile import (
    KeysFileError,
    add_key,
    create_keys,
    is_exposed,
    load_keys,
    new_key,
    read_keys,
    remove_key,
    sealing_key,
    write_key,
)
from tests.parts.vaults import NOON, key

LATER = NOON + timedelta(minutes=2)


def test_what_is_written_reads_the_same() -> None:
    first, second = new_key(NOON), new_key(NOON, seals_from=LATER)
    assert read_keys(f"# a comment\n\n{write_key(first)}{write_key(second)}") == (first, second)


def test_a_key_is_not_in_what_is_printed_of_it() -> None:
    assert "topsecret" not in repr(key("topsecret-key")).replace("topsecret-key", "")
    assert "***" in repr(key("k1"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no key"),
        ("# only a comment", "no key"),
        ("k1", "line 1 must be"),
        ("k/1 " + "A" * 43, "line 1 must be"),
        ("k1 AAAA", "line 1: key k1 must be 32 bytes"),
        ("k1 !!!!", "must be 32 bytes"),
        (write_key(key("k1")) * 2, "key k1 stands there twice"),
        (write_key(key("k1")).strip() + " tomorrow", "write the time as"),
        (write_key(key("k1")).strip() + " 2026-11-22T10:00:00", "write the time as"),
    ],
)
def test_a_faulty_file_is_refused_without_showing_its_keys(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as refused:
        read_keys(text)
    assert write_key(key("k1")).split()[1] not in str(refused.value)


def test_a_key_seals_from_its_time_on() -> None:
    keys = (key("k1"), key("k2", seals_from=LATER))
    assert sealing_key(keys, NOON).id == "k1"
    assert sealing_key(keys, LATER).id == "k2"


def test_the_earliest_key_seals_while_the_time_of_none_has_come() -> None:
    keys = (key("k2", seals_from=LATER + timedelta(1)), key("k1", seals_from=LATER))
    assert sealing_key(keys, NOON).id == "k1"


def test_of_two_keys_without_a_time_the_later_line_seals() -> None:
    assert sealing_key((key("k1"), key("k2")), NOON).id == "k2"


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "leeward.keys"
    assert create_keys(path, key("k1"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_keys(path) == (key("k1"),)
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "leeward.keys"
    create_keys(path, key("k1"))
    assert not create_keys(path, key("k2"))
    assert load_keys(path) == (key("k1"),)


def test_of_many_that_start_at_once_one_makes_the_file_and_all_read_the_same(tmp_path: Path) -> None:
    path = tmp_path / "leeward.keys"

    def start(number: int) -> tuple[bool, str]:
        made = create_keys(path, key(f"k{number}"))
        return made, load_keys(path)[0].id

    with ThreadPoolExecutor(8) as pool:
        starts = list(pool.map(start, range(8)))
    assert [made for made, _ in starts].count(True) == 1
    assert len({seen for _, seen in starts}) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "leeward.keys"
    create_keys(path, key("k1"))
    path.chmod(mode)
    with pytest.raises(KeysFileError, match="chmod 600"):
        load_keys(path)


def test_on_a_volume_mounted_read_only_the_mode_is_not_the_owners_to_choose() -> None:
    assert is_exposed(0o644, read_only=False)
    assert not is_exposed(0o644, read_only=True)
    assert not is_exposed(0o400, read_only=False)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, make: object) -> None:
    path = tmp_path / "leeward.keys"
    make(path)  # type: ignore[operator]
    with pytest.raises(KeysFileError, match=r"leeward\.keys: it is no plain file"):
        load_keys(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeysFileError, match=r"absent\.keys cannot be read: No such file"):
        load_keys(tmp_path / "absent.keys")


def test_a_key_is_added_below_the_others_and_their_lines_stay(tmp_path: Path) -> None:
    path = tmp_path / "leeward.keys"
    create_keys(path, key("k1"))
    path.write_text(path.read_text() + "# note of the operator")
    add_key(path, key("k2", seals_from=LATER))
    assert [one.id for one in load_keys(path)] == ["k1", "k2"]
    assert "# note of the operator\n" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_keys_added_at_once_are_all_there(tmp_path: Path) -> None:
    path = tmp_path / "leeward.keys"
    create_keys(path, key("k1"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: add_key(path, key(f"n{number}")), range(12)))
    assert len(load_keys(path)) == 13


def test_a_key_that_was_succeeded_goes(tmp_path: Path) -> None:
    path = tmp_path / "leeward.keys"
    create_keys(path, key("k1"))
    add_key(path, key("k2", seals_from=NOON))
    remove_key(path, "k1", NOON + timedelta(minutes=5))
    assert load_keys(path) == (key("k2", seals_from=NOON),)


@pytest.mark.parametrize(
    ("key_id", "now", "fault"),
    [
        ("k1", NOON - timedelta(seconds=1), "seals now"),
        ("k1", NOON + timedelta(seconds=30), "wait 60 s"),
        ("k2", NOON + timedelta(minutes=5), "seals now"),
        ("k9", NOON + timedelta(minutes=5), "no key k9; it has k1, k2"),
    ],
)
def test_a_key_in_use_stays(tmp_path: Path, key_id: str, now: object, fault: str) -> None:
    path = tmp_path / "leeward.keys"
    create_keys(path, key("k1"))
    add_key(path, key("k2", seals_from=NOON))
    with pytest.raises(KeysFileError, match=fault):
        remove_key(path, key_id, now)  # type: ignore[arg-type]
    assert len(load_keys(path)) == 2
