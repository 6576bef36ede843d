"""The project's pages as Markdown: which there are, what stands in them, where their links lead.

`python -m tests.parts.pages` lists the links that lead to other sites; nothing fetches them.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import msgspec

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
OUTSIDE: Final = tuple(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "k8s/README.md"))

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^(?: {4}|\t).*$|`[^`]*`", re.MULTILINE)
_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>(?:[^][]|\[[^][]*\])*)\]\((?P<target>[^()\s]+(?:\([^()\s]*\))?)\)")
_NAMED_FILE = re.compile(r"`((?:k8s|services|shared|tests|docs|\.ci)/[\w./-]+)(?:::\w+)?`")
_HEADING = re.compile(r"^#{1,6} +(?P<text>.+?)(?: #+)?$", re.MULTILINE)


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A fenced block of a page."""

    language: str
    title: str
    text: str


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link or a picture of a page, as it is written."""

    page: Path
    text: str
    target: str
    is_picture: bool

    @property
    def is_external(self) -> bool:
        """Whether it leads to another site."""
        return "://" in self.target or self.target.startswith("mailto:")

    @property
    def file(self) -> Path:
        """The file that it leads to."""
        path = unquote(self.target.partition("#")[0])
        return (self.page.parent / path).resolve() if path else self.page

    @property
    def anchor(self) -> str:
        """The heading that it leads to; empty for the whole page."""
        return unquote(self.target.partition("#")[2])

    def __str__(self) -> str:
        """Return where it stands and what it says, for a message."""
        return f"{self.page.relative_to(ROOT)}: [{self.text}]({self.target})"


def pages() -> list[Path]:
    """Return every page of docs/."""
    return sorted(DOCS.rglob("*.md"))


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    for found in _FENCE.finditer(page.read_text()):
        language, _, rest = found["info"].strip().partition(" ")
        title = re.fullmatch(r'title="(.*)"', rest)
        yield Block(language=language, title=title[1] if title else "", text=found["text"])


def links(page: Path) -> Iterator[Link]:
    """Yield what a page leads to and shows; code is left out."""
    for found in _LINK.finditer(_CODE.sub("", _without_fences(page))):
        text = " ".join(found["text"].split())
        yield Link(page=page, text=text, target=found["target"], is_picture=bool(found["picture"]))


def named_files(page: Path) -> set[str]:
    """Return the files and folders of the repository that a page names as code."""
    return set(_NAMED_FILE.findall(_without_fences(page)))


def anchors(page: Path) -> set[str]:
    """Return the names of a page's headings as GitHub gives them, where the pages are read as well."""
    seen: Counter[str] = Counter()
    names = set()
    for found in _HEADING.finditer(_without_fences(page)):
        text = re.sub(r"\[([^][]*)\]\([^()]*\)", r"\1", found["text"])
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        names.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return names


def _without_fences(page: Path) -> str:
    return _FENCE.sub("", page.read_text())


def main() -> None:
    """Print every address of another site, and the pages that name it."""
    found: dict[str, set[str]] = {}
    for page in (*OUTSIDE, *pages()):
        for link in links(page):
            if link.is_external:
                found.setdefault(link.target, set()).add(str(page.relative_to(ROOT)))
    for target, names in sorted(found.items()):
        print(target, "in", ", ".join(sorted(names)))  # noqa: T201


if __name__ == "__main__":
    main()
