"""The format of the tokens file: what it holds, how faults in it are told, how entries come and go."""

from datetime import UTC, datetime

import pytest

from shared.tokens import (
    PREFIX,
    TOKEN_BYTES,
    TokenEntry,
    add_token,
    digest_of,
    read_tokens,
    remove_token,
    token_of,
    write_token,
)

DIGEST = digest_of("one")
ENTRY = TokenEntry(
    name="backup-bot",
    role="operator",
    digest=DIGEST,
    collections=("orders", "sub/group/orders"),
    expires_at=datetime(2027, 1, 31, tzinfo=UTC),
)


def faults(text: str) -> tuple[object, ...]:
    with pytest.raises(ValueError, match="line") as caught:
        read_tokens(text)
    return caught.value.args


def test_what_is_written_reads_back_the_same() -> None:
    assert read_tokens(write_token(ENTRY)) == (ENTRY,)


def test_comments_and_blank_lines_are_left_alone() -> None:
    lines = ["# ours\n", "\n"]
    add_token(lines, ENTRY)
    remove_token(lines, "Backup-Bot")
    assert lines == ["# ours\n", "\n"]


def test_every_fault_is_told_with_its_line_and_nothing_of_its_content() -> None:
    secret = token_of(b"x" * TOKEN_BYTES)
    told = faults(
        f"a reader {secret}\n"
        f"b oprator sha256:{DIGEST}\n"
        "c reader\n"
        f"d reader sha256:{DIGEST} colections=orders\n"
        f"e reader sha256:{DIGEST} expires=tomorrow\n"
        f"f reader sha256:{DIGEST} collections=a//b\n"
    )
    assert [str(fault).partition(":")[0] for fault in told] == [f"line {number}" for number in range(1, 7)]
    assert "a token itself must not stand here" in str(told[0])
    assert not any(word in str(told) for word in (secret, "oprator", "colections=orders", "tomorrow", "a//b"))


def test_a_name_or_a_hash_stands_there_once() -> None:
    told = faults(f"a reader sha256:{DIGEST}\nA reader sha256:{digest_of('two')}\nb reader sha256:{DIGEST}\n")
    assert told == ("line 2: the name of line 1 again", "line 3: the hash of line 1 again")


def test_a_name_that_is_there_is_not_added_again() -> None:
    lines = [write_token(ENTRY)]
    with pytest.raises(ValueError, match="it has backup-bot already"):
        add_token(lines, ENTRY)


def test_a_token_can_be_removed_whatever_else_is_in_the_file() -> None:
    lines = ["nonsense\n", write_token(ENTRY)]
    remove_token(lines, "backup-bot")
    assert lines == ["nonsense\n"]
    with pytest.raises(ValueError, match="no token of the name"):
        remove_token(lines, "backup-bot")


def test_tokens_can_be_found_by_secret_scanners() -> None:
    assert token_of(bytes(TOKEN_BYTES)) == PREFIX + "00" * TOKEN_BYTES
