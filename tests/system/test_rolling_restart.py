"""Schedulers replaced one after the other under load: nothing is lost, nothing is sent twice."""

from pathlib import Path

import pytest

from tests.parts.postgres import Postgres
from tests.parts.replicas import repeated, team

pytestmark = pytest.mark.postgresql


async def test_replicas_are_replaced_without_a_repeat_or_a_loss(tmp_path: Path, postgres: Postgres) -> None:
    async with team(tmp_path, await postgres.new_database()) as rolling:
        old = await rolling.start("zero")
        await rolling.ready()
        await rolling.create_ticks(30)
        for name in ("one", "two", "three"):
            new = await rolling.start(name)
            await rolling.ready()
            await rolling.leave(old)
            old = new
        await rolling.all_work()
        await rolling.until_caught_up(seconds=3)
        assert repeated(rolling.targets.hits) == []
        assert {hit.attempt for hit in rolling.targets.hits} == {1}
