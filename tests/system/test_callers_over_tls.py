"""A scheduler that listens with TLS and asks who calls: the programs of both ends as processes."""

import asyncio
import os
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.parts.certificates import Authority
from tests.parts.ports import free_port
from tests.parts.programs import Program
from tests.parts.tokens import OPERATOR, READER, bearer, three_callers
from tests.parts.waiting import until

pytestmark = pytest.mark.system


class Guarded:
    """One scheduler over TLS with a tokens file, and who speaks to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority()
        self.certificate, self.key = self.authority.certify("scheduler", "127.0.0.1").files(folder, "scheduler")
        self.tokens = three_callers(folder)
        port, self.ops = free_port(), free_port()
        self.url = f"https://127.0.0.1:{port}"
        self.program = Program(
            "services.scheduler",
            log=folder / "scheduler.log",
            settings={
                "LEEWARD_MQTT_URL": f"mqtt://127.0.0.1:{free_port()}",
                "LEEWARD_DATABASE_URL": f"sqlite:///{folder}/leeward.db",
                "LEEWARD_LISTEN": f"0.0.0.0:{port}",
                "LEEWARD_OPS_LISTEN": f"127.0.0.1:{self.ops}",
                "LEEWARD_TOKENS_FILE": str(self.tokens),
                "LEEWARD_LISTEN_CERT": str(self.certificate),
                "LEEWARD_LISTEN_KEY": str(self.key),
            },
        )

    async def status(self, token: str, path: str = "/api/v1/collections") -> int:
        """Return the status of a GET over TLS with the site's authority; 0 while nobody listens."""
        trust = ssl.create_default_context(cafile=self.authority.file(self.folder))
        try:
            async with (
                ClientSession() as session,
                session.get(f"{self.url}{path}", ssl=trust, headers=bearer(token)) as reply,
            ):
                return reply.status
        except OSError:
            return 0

    async def until(self, token: str, status: int, *, seconds: float) -> None:
        """Wait until a GET with a token has a status."""

        async def has_come() -> bool:
            return await self.status(token) == status

        await until(has_come, seconds=seconds)

    async def client(self, *words: str, **environment: str) -> tuple[int, str]:
        """Run `leeward` as people do; return its exit code and everything it said."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LEEWARD_")}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.client", *words),
            env={**kept, "LEEWARD_URL": self.url, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    site = Guarded(tmp_path)
    async with site.program:
        await site.until(READER, 200, seconds=20)
        yield site


async def test_the_client_speaks_tls_with_its_token(guarded: Guarded) -> None:
    trust = {"LEEWARD_CA": str(guarded.authority.file(guarded.folder))}
    code, _ = await guarded.client("collection", "create", "demo", LEEWARD_TOKEN=OPERATOR, **trust)
    assert code == 0
    code, said = await guarded.client("collection", "list", LEEWARD_TOKEN=OPERATOR)
    assert (code, "name its authority with --ca" in said) == (3, True)
    code, said = await guarded.client("collection", "list", **trust)
    assert (code, "LEEWARD_TOKEN" in said) == (5, True)


async def test_a_removed_token_is_refused_within_a_second_and_never_logged(guarded: Guarded) -> None:
    code, _ = await guarded.client("tokens", "remove", str(guarded.tokens), "viewer")
    assert code == 0
    await guarded.until(READER, 401, seconds=3)
    assert await guarded.status(OPERATOR) == 200
    assert READER not in guarded.program.said
    assert OPERATOR not in guarded.program.said


async def test_a_new_certificate_is_shown_without_a_restart(guarded: Guarded) -> None:
    guarded.authority = Authority("another authority")
    assert await guarded.status(OPERATOR) == 0
    guarded.authority.certify("scheduler", "127.0.0.1").files(guarded.folder, "scheduler")
    await guarded.until(OPERATOR, 200, seconds=15)
    assert "certificate read again" in guarded.program.said


async def test_a_broken_tokens_file_at_start_ends_the_program_with_its_lines(tmp_path: Path) -> None:
    site = Guarded(tmp_path)
    site.tokens.write_text("ops operator\n")
    async with site.program:
        await until(lambda: _ended(site.program))
        assert "line 1: write NAME ROLE sha256:HASH" in site.program.said


async def _ended(program: Program) -> bool:
    return program.has_ended
