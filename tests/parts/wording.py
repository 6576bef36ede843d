"""What the programs say: the texts in their code, with a gap wherever a value is put in."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.parts.pages import ROOT

GAP: Final = "\0"
SOURCES: Final = ("services", "shared")


def wordings() -> frozenset[str]:
    """Return every text that stands in the code of the programs."""
    return frozenset(text for folder in SOURCES for file in (ROOT / folder).rglob("*.py") for text in _texts(file))


def _texts(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{\w*\}", GAP, node.value)
        elif isinstance(node, ast.JoinedStr):
            yield "".join(_piece(value) for value in node.values)


def _piece(value: ast.expr) -> str:
    return str(value.value) if isinstance(value, ast.Constant) else GAP


def is_said(quote: str, texts: frozenset[str]) -> bool:
    """Whether some text says a quote, in which "…" stands for what differs; a gap of the text may stay empty.

    >>> is_said("job … does not exist", frozenset({"job \\0 does not exist"}))
    True
    """
    pieces = [re.escape(piece.strip()) for piece in quote.split("…") if len(piece.strip()) > 2]
    wanted = re.compile(".*".join(pieces), re.DOTALL)
    return bool(pieces) and any(wanted.search(text) or wanted.search(text.replace(GAP, "")) for text in texts)
