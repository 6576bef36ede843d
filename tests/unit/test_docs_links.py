"""Every link of the pages leads somewhere, in the repository as on the site, and every page can be found."""

from pathlib import Path

import pytest
import yaml

from tests.parts.pages import DOCS, OUTSIDE, ROOT, Link, anchors, links, named_files, pages


class Configuration(yaml.SafeLoader):
    """Reads .mkdocs.yml; the names of functions in it are only passed over."""


Configuration.add_multi_constructor("tag:yaml.org,2002:python/name:", lambda _, suffix, __: suffix)


def navigation(entry: object) -> list[str]:
    match entry:
        case str():
            return [entry]
        case dict():
            return [page for child in entry.values() for page in navigation(child)]
        case list():
            return [page for child in entry for page in navigation(child)]
    raise TypeError(f"{entry!r} is no entry of a navigation")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def internal(page: Path) -> list[Link]:
    return [link for link in links(page) if not link.is_external]


@pytest.mark.parametrize("page", [*OUTSIDE, *pages()], ids=named)
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    lost = [str(link) for link in internal(page) if not link.file.exists()]
    assert lost == []
    missed = [link for link in internal(page) if link.anchor and link.anchor not in anchors(link.file)]
    assert [str(link) for link in missed] == []


@pytest.mark.parametrize("page", pages(), ids=named)
def test_links_of_the_site_stay_in_it(page: Path) -> None:
    assert [str(link) for link in internal(page) if DOCS not in link.file.parents] == [], "name the file as `code`"


@pytest.mark.parametrize("page", [*OUTSIDE, *pages()], ids=named)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named_ones = sorted(named_files(page))
    assert [file for file in named_ones if not any((ROOT / f"{file}{end}").exists() for end in ("", ".py"))] == []


@pytest.mark.parametrize("page", [*OUTSIDE, *pages()], ids=named)
def test_pictures_are_told_to_who_does_not_see_them(page: Path) -> None:
    assert [str(link) for link in links(page) if link.is_picture and len(link.text) < 20] == []


def test_other_sites_are_reached_by_https() -> None:
    own = ("http://127.0.0.1", "http://localhost")
    foreign = [link for page in (*OUTSIDE, *pages()) for link in links(page) if link.is_external]
    assert foreign, "links are found at all"
    assert [str(link) for link in foreign if not link.target.startswith(("https://", *own))] == []


def test_every_page_stands_in_the_navigation_once() -> None:
    listed = navigation(yaml.load((ROOT / ".mkdocs.yml").read_text(), Loader=Configuration)["nav"])
    assert sorted(listed) == sorted(str(page.relative_to(DOCS)) for page in pages())


def test_every_picture_is_shown() -> None:
    shown = {link.file for page in (*OUTSIDE, *pages()) for link in links(page) if link.is_picture}
    assert [named(picture) for picture in (DOCS / "images").iterdir() if picture not in shown] == []
