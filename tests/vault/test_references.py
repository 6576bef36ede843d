"""References to secrets that stand elsewhere: a collection's jobs reach its own files and variables only."""

import os
from pathlib import Path

import pytest

from services.scheduler.domain.callers import Scope
from services.scheduler.domain.collections import Namespace
from services.scheduler.domain.openings import check_opening
from services.scheduler.domain.secrets import EnvironmentSecret, FileSecret
from services.scheduler.errors import InvalidInputError, SecretRefusedError, SecretUnavailableError
from services.scheduler.settings import Settings
from services.scheduler.vault.vault import Vault
from tests.parts.vaults import HOME, PLACE, collection, references, vault

OTHER_GROUP = Namespace("Sub-1", "group-1")
PAYROLL = Scope(HOME, "payroll")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "payroll").mkdir()
    (tmp_path / "payroll" / "db-password").write_text("file text\n")
    (tmp_path / "hr").mkdir()
    (tmp_path / "hr" / "db-password").write_text("of another collection\n")
    return tmp_path


def value(keeper: Vault, text: str, name: str = "payroll", of: Namespace = HOME) -> str:
    return keeper.open(keeper.seal(text, PLACE, collection(name, of=of)), PLACE)


def test_a_file_of_the_collections_folder_is_read_anew_each_time(folder: Path) -> None:
    keeper = vault(what=references(folder))
    secret = keeper.seal("secretref:file:db-password", PLACE, collection())
    assert keeper.open(secret, PLACE) == "file text"
    (folder / "payroll" / "db-password").write_text("changed")
    assert keeper.open(secret, PLACE) == "changed"


def test_of_another_groups_collection_the_folder_is_below_its_names(folder: Path) -> None:
    own = folder / "Sub-1" / "group-1" / "payroll"
    own.mkdir(parents=True)
    (own / "db-password").write_text("of the other group")
    assert value(vault(what=references(folder)), "secretref:file:db-password", of=OTHER_GROUP) == "of the other group"


@pytest.mark.parametrize(
    "name",
    ["", "..", ".", "../hr/db-password", "/etc/passwd", "a/b", "..data", "a\0b", "a b", "ä", "x" * 254, "%2e%2e"],
)
def test_a_name_that_leads_elsewhere_is_no_reference(folder: Path, name: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        value(vault(what=references(folder)), f"secretref:file:{name}")
    assert refused.value.field == PLACE.field


@pytest.mark.parametrize(
    "text", ["secretref:", "secretref:file", "secretref:vault:x", "secretref:FILE:x", "secretref: "]
)
def test_what_begins_like_a_reference_and_is_none_is_refused(folder: Path, text: str) -> None:
    with pytest.raises(InvalidInputError, match="write secretref:file:NAME or secretref:env:NAME"):
        value(vault(what=references(folder)), text)


def test_a_collection_called_like_a_subscription_reaches_no_other_collections_files(folder: Path) -> None:
    own = folder / "sub-1" / "group-1" / "payroll"
    own.mkdir(parents=True)
    (own / "key").write_text("of the other group")
    keeper = vault(what=references(folder))
    with pytest.raises(InvalidInputError):
        value(keeper, "secretref:file:group-1/payroll/key", name="sub-1")
    with pytest.raises(SecretRefusedError):
        value(keeper, "secretref:file:group-1", name="sub-1")


def test_a_link_out_of_the_collections_folder_is_refused(folder: Path) -> None:
    (folder / "payroll" / "stolen").symlink_to("../hr/db-password")
    (folder / "payroll" / "system").symlink_to("/etc/hostname")
    for name in ("stolen", "system"):
        with pytest.raises(SecretRefusedError, match="lies outside"):
            value(vault(what=references(folder)), f"secretref:file:{name}")


def test_the_links_that_kubernetes_makes_work(folder: Path) -> None:
    (folder / "payroll" / "..2026_11_22").mkdir()
    (folder / "payroll" / "..2026_11_22" / "token").write_text("mounted")
    (folder / "payroll" / "..data").symlink_to("..2026_11_22")
    (folder / "payroll" / "token").symlink_to("..data/token")
    assert value(vault(what=references(folder)), "secretref:file:token") == "mounted"


def test_a_projected_volume_whose_folders_are_links_works(tmp_path: Path) -> None:
    (tmp_path / "..2026" / "payroll").mkdir(parents=True)
    (tmp_path / "..2026" / "payroll" / "token").write_text("projected")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "payroll").symlink_to("..data/payroll")
    assert value(vault(what=references(tmp_path)), "secretref:file:token") == "projected"


def test_a_missing_file_may_come_yet(folder: Path) -> None:
    with pytest.raises(SecretUnavailableError, match="absent is not there"):
        value(vault(what=references(folder)), "secretref:file:absent")


def test_a_file_too_large_is_refused(folder: Path) -> None:
    (folder / "payroll" / "db-password").write_bytes(b"x" * 65_537)
    with pytest.raises(SecretRefusedError, match="has more than 65536 bytes"):
        value(vault(what=references(folder)), "secretref:file:db-password")


def test_a_file_that_is_no_text_stands_for_its_base64(folder: Path) -> None:
    (folder / "payroll" / "client.pfx").write_bytes(b"\x30\x82\x01\n")
    assert value(vault(what=references(folder)), "secretref:file:client.pfx") == "MIIBCg=="


def test_a_pipe_in_a_files_place_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "payroll" / "pipe")
    with pytest.raises(SecretRefusedError, match="no plain file"):
        value(vault(what=references(folder)), "secretref:file:pipe")


def test_a_group_with_a_treacherous_name_reaches_nothing(folder: Path) -> None:
    reference = FileSecret(name="db-password", scope=Scope(Namespace("..", "x"), "payroll"))
    with pytest.raises(SecretRefusedError):
        vault(what=references(folder)).open(reference, PLACE)


def test_without_a_folder_files_are_open_to_no_job() -> None:
    with pytest.raises(InvalidInputError, match="LEEWARD_SECRETS_DIR"):
        value(vault(), "secretref:file:x")
    with pytest.raises(SecretRefusedError, match="LEEWARD_SECRETS_DIR"):
        vault().open(FileSecret(name="x", scope=PAYROLL), PLACE)


def test_a_variable_is_open_when_it_is_listed() -> None:
    keeper = vault(what=references(None, ("API_KEY", "payroll/DB_PASSWORD"), API_KEY="one", DB_PASSWORD="two"))
    assert value(keeper, "secretref:env:API_KEY", name="hr") == "one"
    assert value(keeper, "secretref:env:DB_PASSWORD", name="Payroll") == "two"


@pytest.mark.parametrize(
    ("name", "of"), [("hr", HOME), ("payroll", OTHER_GROUP), ("payroll2", HOME)], ids=["other", "group", "longer"]
)
def test_a_variable_of_one_collection_is_not_open_to_another(name: str, of: Namespace) -> None:
    what = references(None, ("payroll/DB_PASSWORD",), DB_PASSWORD="two")
    with pytest.raises(InvalidInputError, match="not open to this collection"):
        value(vault(what=what), "secretref:env:DB_PASSWORD", name=name, of=of)
    with pytest.raises(SecretRefusedError, match="not open to this collection"):
        vault(what=what).open(EnvironmentSecret(name="DB_PASSWORD", scope=Scope(of, name)), PLACE)


def test_a_variable_of_another_groups_collection_is_named_in_full() -> None:
    what = references(None, ("sub-1/GROUP-1/payroll/DB_PASSWORD",), DB_PASSWORD="three")
    assert value(vault(what=what), "secretref:env:DB_PASSWORD", of=OTHER_GROUP) == "three"


@pytest.mark.parametrize("name", ["PATH", "LEEWARD_DATABASE_URL", "", "A-B", "A B"])
def test_a_variable_that_is_not_listed_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError):
        value(vault(what=references(None, ("API_KEY",), PATH="/bin")), f"secretref:env:{name}")


def test_a_listed_variable_that_is_not_set_may_come_yet() -> None:
    with pytest.raises(SecretUnavailableError, match="variable API_KEY is not set"):
        value(vault(what=references(None, ("API_KEY",))), "secretref:env:API_KEY")


@pytest.mark.parametrize("entry", ["A-B", "a/b/C", "/X", "x/", "LEEWARD_DATABASE_URL", "payroll/leeward_token"])
def test_an_entry_that_opens_nothing_or_leewards_own_settings_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=entry):
        check_opening(entry)
    with pytest.raises(ValueError, match=entry):
        Settings(secrets_env=(entry,))
