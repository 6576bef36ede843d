"""The man pages as man, man-db and mandoc read them."""

import subprocess
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[2] / "docs/man").glob("*.1"))


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


def test_every_page_can_be_found_by_what_it_is_about() -> None:
    found = subprocess.run(["lexgrog", *PAGES], capture_output=True, text=True, timeout=60, check=True)
    assert len(found.stdout.splitlines()) == len(PAGES)
    assert 'leeward-job.1: "leeward-job - ' in found.stdout


def test_mandoc_finds_nothing_to_complain_of() -> None:
    linted = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", *PAGES], capture_output=True, text=True, timeout=60
    )
    # A page without a date is the same on whatever day it is made.
    assert [line for line in linted.stdout.splitlines() if "missing date" not in line] == []
