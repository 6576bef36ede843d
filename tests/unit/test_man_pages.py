"""The manual pages are what the commands say, and are sound."""

from pathlib import Path

import pytest

from tests.parts import man_pages

PAGES = sorted(man_pages.FOLDER.glob("*.1"))


def test_the_pages_say_what_the_commands_and_settings_say() -> None:
    written = {page.name: page.read_text() for page in PAGES}
    assert written == man_pages.rendered(), "make docs writes them anew"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_refers_to_pages_that_exist_only(page: Path) -> None:
    names = {one.stem for one in PAGES}
    plain = page.read_text().replace("\\-", "-")
    referred = {word.strip("\\fBR.,") for word in plain.replace(",", " ").split() if word.rstrip(".,").endswith("(1)")}
    assert {word.partition("(")[0] for word in referred} - names == set()
