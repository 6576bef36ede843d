"""From a URL to a store."""

import pytest

from services.scheduler.errors import InvalidInputError
from services.scheduler.store.open import open_store
from tests.parts.stored import register


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "mysql://db/leeward", "leeward.db", ""])
def test_a_url_that_names_no_known_database_says_what_to_write(url: str) -> None:
    with pytest.raises(InvalidInputError, match="sqlite:///FILE"):
        open_store(url)


async def test_sessions_are_named_by_the_given_ids() -> None:
    async with open_store("memory://", new_id=lambda: "session-1") as store:
        assert (await register(store)).session == "session-1"
