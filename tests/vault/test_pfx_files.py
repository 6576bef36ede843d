"""A PKCS #12 file is opened by a process of its own: it can keep that one busy, and nobody else."""

import asyncio
from pathlib import Path

import pytest

from services.scheduler.domain.collections import CollectionId
from services.scheduler.errors import SecretUnavailableError
from services.scheduler.vault.certificates import decode_pfx
from services.scheduler.vault.der import most_rounds
from services.scheduler.vault.pfx_files import MOST_CHARACTERS, TOO_LONG, PfxFiles
from services.scheduler.vault.pfx_reader import Described, Pfx, Refused
from tests.parts.certificates import Authority
from tests.parts.dear_pfx import dear_pfx
from tests.parts.pfx import EXPIRES, a_pfx
from tests.parts.readers import counted, doing, readers, starts
from tests.parts.waiting import until

MINE, OTHERS = CollectionId(1), CollectionId(2)
GOOD = Pfx(text=a_pfx(), password="pfx-password")
DEAR = Pfx(text=dear_pfx("dear"), password="dear")


async def started() -> bool:
    return len(readers()) > 0


async def longest_gap(stop: asyncio.Event) -> float:
    """Return for how many seconds the loop kept others waiting, at most."""
    time, gap = asyncio.get_running_loop().time, 0.0
    while not stop.is_set():
        before = time()
        await asyncio.sleep(0.005)
        gap = max(gap, time() - before)
    return gap


async def test_a_file_is_described_and_opened() -> None:
    files = PfxFiles()
    described = await files.describe(GOOD, MINE)
    assert isinstance(described, Described)
    assert (described.subject, described.expires_at) == ("CN=leeward-test", EXPIRES)
    for opener in (files, PfxFiles()):  # one that knows the file, one that does not
        opened = await opener.open(GOOD, MINE)
        assert opened.told.thumbprint == described.thumbprint
        assert opened.pem.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert readers() == []


async def test_a_file_that_hides_what_it_asks_for_is_refused_while_the_loop_goes_on() -> None:
    assert most_rounds(decode_pfx(DEAR.text)) == 2048
    files, stop = PfxFiles(cpu_seconds=2), asyncio.Event()
    gap = asyncio.create_task(longest_gap(stop))
    async with asyncio.timeout(20):
        assert await files.describe(DEAR, MINE) == TOO_LONG
    stop.set()
    assert await gap < 1
    assert readers() == []
    assert files.known(DEAR) == TOO_LONG
    with pytest.raises(ValueError, match="takes too long to open: export it again"):
        await files.open(DEAR, OTHERS)


async def test_a_call_does_not_open_such_a_file_either() -> None:
    with pytest.raises(ValueError, match="takes too long to open"):
        await PfxFiles(cpu_seconds=1).open(DEAR, MINE)
    assert readers() == []


async def test_what_is_wrong_is_told_as_without_a_process() -> None:
    files, long = PfxFiles(), "A" * (MOST_CHARACTERS + 1)
    for pfx, why in (
        (Pfx(text=GOOD.text, password="wrong"), "cannot be opened: the password is wrong, or the file is damaged"),
        (Pfx(text=GOOD.text), "cannot be opened without a password"),
        (Pfx(text="?"), "is not base64"),
        (Pfx(text=long), "has more than 65536 characters"),
        (Pfx(text=GOOD.text, password="\udcff"), "has a password that is no UTF-8 text"),
    ):
        assert await files.describe(pfx, MINE) == Refused(why=why)


async def test_the_same_file_is_opened_once_and_with_another_password_again(tmp_path: Path) -> None:
    log = tmp_path / "starts"
    files = PfxFiles(reader=counted(log))
    told = await asyncio.gather(*(files.describe(GOOD, MINE) for _ in range(20)))
    assert (len({*map(repr, told)}), starts(log)) == (1, 1)
    for password in ("wrong", "wrong", None, None, "pfx-password"):
        await files.describe(Pfx(text=GOOD.text, password=password), MINE)
    await files.open(GOOD, MINE)
    assert starts(log) == 3


async def test_a_reader_that_hangs_is_ended_and_tried_again_later() -> None:
    files = PfxFiles(reader=doing("import time; time.sleep(60)"), wall_seconds=0.3)
    for _ in range(2):
        with pytest.raises(SecretUnavailableError, match="was not opened in time"):
            await files.describe(GOOD, MINE)
        assert readers() == []
    assert files.known(GOOD) is None


async def test_who_is_cancelled_takes_the_reader_along() -> None:
    files = PfxFiles(reader=doing("import time; time.sleep(60)"))
    waiting = asyncio.create_task(files.describe(GOOD, MINE))
    await until(started)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert readers() == []


async def test_one_collection_keeps_one_reader_busy_and_others_are_served() -> None:
    files = PfxFiles()
    dear = [Pfx(text=dear_pfx("dear", 2_000_000_000 + number), password="dear") for number in range(3)]
    waiting = [asyncio.create_task(files.describe(pfx, MINE)) for pfx in dear]
    await until(started)
    assert isinstance(await files.describe(GOOD, OTHERS), Described)
    assert ([task.done() for task in waiting], len(readers())) == ([False] * 3, 1)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert readers() == []


@pytest.mark.parametrize(
    "script",
    [
        "import sys; print(sys.stdin.read(), file=sys.stderr); raise ValueError('pfx-password')",
        "print('pfx-password')",
        "print('x' * 1_000_000)",
        "import os; os.abort()",
    ],
)
async def test_nothing_of_a_reader_that_breaks_is_told(script: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SecretUnavailableError) as refused:
        await PfxFiles(reader=doing(script)).describe(GOOD, MINE)
    assert str(refused.value) == "could not be opened here; export it again as openssl does by default"
    said = capfd.readouterr()
    assert "pfx-password" not in said.out + said.err


async def test_a_reader_knows_nothing_of_the_schedulers_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEEWARD_DATABASE_URL", "postgresql://user:secret@db/")
    seen = tmp_path / "environment"
    script = f"import os, pathlib; pathlib.Path({str(seen)!r}).write_text(' '.join(os.environ))"
    with pytest.raises(SecretUnavailableError):
        await PfxFiles(reader=doing(script)).describe(GOOD, MINE)
    assert {*seen.read_text().split()} <= {"PYTHONPATH", "LC_CTYPE"}


async def test_a_machine_that_starts_no_process_is_told_from_a_bad_file() -> None:
    with pytest.raises(SecretUnavailableError, match="could not be opened here now"):
        await PfxFiles(reader=("/nowhere/python",)).describe(GOOD, MINE)


def test_neither_file_nor_key_shows_in_a_repr() -> None:
    pfx = Pfx(text=Authority().identity.pfx("hidden"), password="hidden")
    assert repr(pfx) == "Pfx(***)"
