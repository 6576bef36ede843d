"""Files that change while others read them."""

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from shared.atomic_files import changing, read_bounded, stamp_of, writing


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    with changing(path) as lines:
        lines.append("one\n")
    assert path.read_text() == "one\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_old_file_keeps_its_mode_and_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("one\n")
    path.chmod(0o640)
    before = path.stat()
    with changing(path) as lines:
        lines.append("two\n")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("one\ntwo\n", 0o640)
    assert path.stat().st_ino != before.st_ino


def test_a_change_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("one\n")
    with suppress(RuntimeError), changing(path) as lines:
        lines.clear()
        raise RuntimeError
    assert [file.name for file in tmp_path.iterdir()] == ["tokens"]
    assert path.read_text() == "one\n"


def test_a_swapped_link_is_a_change(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tokens").write_text("same\n")
    link = tmp_path / "data"
    link.symlink_to("old")
    before = stamp_of(link / "tokens")
    (tmp_path / "next").symlink_to("new")
    (tmp_path / "next").replace(link)
    assert stamp_of(link / "tokens") != before


def test_neither_a_pipe_nor_a_huge_file_holds_a_reader_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_bounded(tmp_path / "pipe", 10) == ""
    (tmp_path / "huge").write_text("x" * 11)
    with pytest.raises(ValueError, match="more than 10 bytes"):
        read_bounded(tmp_path / "huge", 10)


def test_a_file_that_is_written_appears_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "backup.zip"
    with writing(path) as file:
        file.write(b"some")
        assert not path.exists()
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"some", 0o600)


def test_a_file_that_cannot_be_finished_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "backup.zip"
    path.write_bytes(b"old")
    with suppress(KeyError), writing(path) as file:
        file.write(b"new")
        raise KeyError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
