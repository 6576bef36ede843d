"""docs/ as a site: it is built strictly, and nothing of it comes from elsewhere."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from tests.parts.pages import DOCS, ROOT, pages

ZENSICAL = str(Path(sys.executable).with_name("zensical"))
LOADED = re.compile(r"""<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=["']?(?P<address>[^"'\s>]+)""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make site` builds it."""
    folder = tmp_path_factory.mktemp("site")
    status, said = asyncio.run(built(folder))
    assert status == 0, said
    assert "No issues found" in said
    return folder / "site"


async def built(folder: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(".ci/site", str(folder)),
        cwd=ROOT,
        env={**os.environ, "ZENSICAL": ZENSICAL, "NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


def test_every_page_becomes_one_of_the_site(site: Path) -> None:
    built = {str(page.relative_to(site)) for page in site.rglob("*.html")}
    wanted = {str(page.relative_to(DOCS).with_suffix(".html")) for page in pages()}
    assert wanted - built == set()
    assert built - wanted == {"404.html"}


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        addresses = [found["address"] for found in LOADED.finditer(page.read_text())]
        assert [address for address in addresses if "://" in address or address.startswith("//")] == [], page.name


def test_what_a_page_loads_is_there(site: Path) -> None:
    for page in site.rglob("*.html"):
        if page.name == "404.html":
            continue
        for found in LOADED.finditer(page.read_text()):
            assert (page.parent / found["address"].partition("?")[0]).exists(), f"{page.name} loads {found['address']}"


def test_pages_with_diagrams_bring_what_draws_them_and_others_do_not(site: Path) -> None:
    for page in pages():
        built = (site / page.relative_to(DOCS).with_suffix(".html")).read_text()
        assert ("mermaid.min.js" in built) is ("```mermaid" in page.read_text()), page.name


def test_the_search_knows_the_pages(site: Path) -> None:
    index = (site / "search.js").read_text()
    assert [page.name for page in pages() if page.with_suffix(".html").name not in index] == []


async def test_a_link_that_misses_ends_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Lost\n\n[nowhere](nowhere.md#at-all)\n")
    configuration = tmp_path / ".mkdocs.yml"
    configuration.write_text("site_name: Lost\nsite_dir: build/site\nnav: [index.md]\n")
    process = await asyncio.create_subprocess_exec(
        *(ZENSICAL, "build", "--strict", "--config-file", str(configuration)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert (process.returncode, b"page does not exist" in said) == (1, True)
