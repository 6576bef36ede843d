"""The little of roff's `man` macros that manual pages need."""

from collections.abc import Iterable

_MAP = str.maketrans({"\\": "\\e", "-": "\\-"})


def text(words: str) -> str:
    """Return running text, whatever it begins with."""
    escaped = words.replace("\\", "\\e").replace(" --", " \\-\\-").replace("`--", "`\\-\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def literal(words: str) -> str:
    """Return what is typed: its hyphens can be copied and searched for."""
    escaped = words.translate(_MAP)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def bold(words: str) -> str:
    """Return what is typed, in bold."""
    return f"\\fB{literal(words)}\\fR"


def section(title: str, *lines: str) -> str:
    """Return a section, nothing without lines."""
    return "\n".join([f".SH {title.upper()}", *lines]) if lines else ""


def paragraphs(found: Iterable[str]) -> list[str]:
    """Return paragraphs, apart from each other."""
    lines: list[str] = []
    for one in found:
        lines += [".PP", text(one)]
    return lines[1:]


def examples(lines: Iterable[str]) -> list[str]:
    """Return lines as they stand."""
    return [".EX", *map(literal, lines), ".EE"]


def terms(found: Iterable[tuple[str, str]]) -> list[str]:
    """Return terms, each with what it means below it."""
    return [line for term, meaning in found for line in (".TP", bold(term), text(meaning) if meaning else "\\&")]
