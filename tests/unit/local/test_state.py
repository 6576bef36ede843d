"""The state file and the lock of a data folder."""

from pathlib import Path

import pytest

from services.local.errors import AlreadyRunningError, DataFolderError
from services.local.logfile import last_lines, open_log
from services.local.state import LocalState, exclusive, read_state, write_state

STATE = LocalState(
    pid=1, api="http://127.0.0.1:8080", imds="http://127.0.0.1:1", mqtt="", broker="mosquitto", targets_port=9101
)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_state(tmp_path, STATE)
    assert read_state(tmp_path) == STATE


def test_no_file_or_a_broken_one_is_no_state(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    (tmp_path / "leeward.json").write_text("{")
    assert read_state(tmp_path) is None


def test_two_cannot_have_one_data_folder(tmp_path: Path) -> None:
    with exclusive(tmp_path / "new"), pytest.raises(AlreadyRunningError, match="--data"), exclusive(tmp_path / "new"):
        pass
    with exclusive(tmp_path / "new"):
        pass


def test_a_data_folder_that_cannot_be_made_is_refused_with_the_flag_that_moves_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataFolderError, match="--data"), exclusive(tmp_path / "file" / "data"):
        pass


def test_a_log_grown_too_large_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "part.log"
    with open_log(log) as file:
        file.write(b"x" * 5_000_001)
    with open_log(log) as file:
        file.write(b"one\ntwo\nthree\n")
    assert (tmp_path / "logs" / "part.log.1").stat().st_size == 5_000_001
    assert last_lines(log, 2) == "two\nthree"
