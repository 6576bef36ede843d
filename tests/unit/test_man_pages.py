"""The manual pages are what the commands say, and are sound."""

import shutil
import subprocess
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


@pytest.mark.skipif(shutil.which("man") is None, reason="no man here")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_man_shows_a_page_without_complaint(page: Path) -> None:
    shown = subprocess.run(
        ["man", "--warnings=all", "--local-file", "-Tutf8", page],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert shown.stderr == ""
    assert f"{page.stem.upper()}(1)" in shown.stdout


@pytest.mark.skipif(shutil.which("lexgrog") is None, reason="no man-db here")
def test_every_page_can_be_found_by_what_it_is_about() -> None:
    found = subprocess.run(["lexgrog", *PAGES], capture_output=True, text=True, timeout=60, check=True)
    assert len(found.stdout.splitlines()) == len(PAGES)
    assert 'leeward-job.1: "leeward-job - ' in found.stdout


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="no mandoc here")
def test_mandoc_finds_nothing_to_complain_of() -> None:
    linted = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", *PAGES], capture_output=True, text=True, timeout=60
    )
    assert linted.stdout == ""
