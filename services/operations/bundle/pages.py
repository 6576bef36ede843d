"""The pages of a bundle while it is put together, each masked, and what could not be had."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import click
import msgspec
from aiohttp import ClientError

from services.operations.bundle.masking import Mask
from shared.errors import LeewardError

_FAULTS = (LeewardError, click.ClickException, ClientError, OSError, TimeoutError, ValueError, KeyError)
"""A bundle is made where something is wrong: whatever cannot be had is named, and the rest goes in."""


class Pages:
    """Texts by name. Nothing stands in them that the masks have not seen."""

    def __init__(self, masks: Iterable[Mask]) -> None:
        """Begin empty; masks apply in order."""
        self._masks = tuple(masks)
        self._texts: dict[str, tuple[str, str]] = {}
        self.lacking: list[str] = []

    def add(self, name: str, what: str, text: str) -> None:
        """Add a page, and what to call it in the list of contents."""
        self._texts[name] = (what, text)

    def add_document(self, name: str, what: str, document: object) -> None:
        """Add a page of JSON."""
        self.add(name, what, msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n")

    @contextmanager
    def having(self, what: str) -> Iterator[None]:
        """Note what goes wrong in the block as lacking, and go on behind it."""
        try:
            yield
        except _FAULTS as fault:
            self.lacking.append(f"{what}: {str(fault) or type(fault).__name__}")

    def masked(self) -> Mapping[str, str]:
        """Return all pages as they may be shown, by name; the last one says what the others are."""
        found = {self._masked(name): self._masked(text) for name, (_, text) in self._texts.items()}
        return {**found, "README.txt": self._masked(self._contents())}

    def _masked(self, text: str) -> str:
        for mask in self._masks:
            text = mask(text)
        return text

    def _contents(self) -> str:
        width = max((len(name) for name in self._texts), default=0)
        there = "\n".join(f"  {name:{width}}  {what}" for name, (what, _) in sorted(self._texts.items()))
        lacking = "\n".join(f"  {line}" for line in self.lacking) or "  nothing"
        return f"{_ABOUT}\nWhat is in it\n{there}\n\nWhat could not be had\n{lacking}\n"


_ABOUT = """A bundle for a report about Leeward, made by `leeward bundle`: texts. Look through them before you send it.

It is meant to hold no passwords, tokens, keys, bodies, headers, or answers of targets: they are not put in, and what
looks like one is taken out of texts (***). Of web addresses only scheme, host and port are shown. Names of jobs,
collections, hosts (unless --anonymous was given), pools and callers are in it, and what somebody wrote into a log file
may be.
"""
