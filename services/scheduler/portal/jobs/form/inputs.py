"""What a form is made of: inputs that each stand for one place of the document, and groups of them."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

Texts = tuple[str, ...]
"""What one input says: a text, or one for each box that is ticked."""
Sent = Mapping[str, Texts]
"""What a form says, by the names of its inputs."""
NOTHING: Texts = ("",)


class Widget(StrEnum):
    """How an input looks and how its text is read. CALL, RHYTHM and ZONE decide over more than their own place."""

    LINE = "line"
    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    SWITCH = "switch"
    SECRET = "secret"  # noqa: S105 - a kind of input
    FILE = "file"
    LENGTH = "length"
    TIME = "time"
    HEADERS = "headers"
    PAIRS = "pairs"
    NUMBERS = "numbers"
    DAYS = "days"
    MONTHLY = "monthly"
    CALL = "call"
    RHYTHM = "rhythm"
    ZONE = "zone"


SECRETS = frozenset({Widget.SECRET, Widget.FILE})


class Offer(StrEnum):
    """Lists that an input proposes values from."""

    POOLS = "pools"
    HOSTS = "hosts"
    ZONES = "zones"


class Option(msgspec.Struct, frozen=True):
    """One choice: as the document has it, and in words."""

    value: str
    words: str


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One input. `name` tells those apart that stand for one place, of which only one counts; mostly it is the path.

    `default`: what is shown where the document says nothing. `blank`: an empty text is a text. `optional_secret`: one
    that a job can do without, and that an edit can take away.
    """

    path: str
    label: str
    widget: Widget = Widget.LINE
    name: str = ""
    hint: str = ""
    options: tuple[Option, ...] = ()
    default: str = ""
    required: bool = False
    blank: bool = False
    optional_secret: bool = False
    offer: Offer | None = None

    @property
    def key(self) -> str:
        """What it is called in the form."""
        return self.name or self.path

    @property
    def id(self) -> str:
        """Its id in the page."""
        return f"f-{self.key.replace('.', '-')}"


class When(msgspec.Struct, frozen=True):
    """The choices of an input under which a group counts."""

    key: str
    values: tuple[str, ...]

    def holds(self, sent: Sent) -> bool:
        """Whether one of them was made."""
        return sent.get(self.key, NOTHING)[:1] in [(value,) for value in self.values]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs that belong together; `within` are the places that are emptied when another choice leaves them behind.

    A `folded` one is closed until somebody opens it, or something in it says something.
    """

    id: str
    title: str
    parts: tuple["Input | Group", ...]
    when: When | None = None
    within: tuple[str, ...] = ()
    folded: bool = False
    hint: str = ""

    def inputs(self) -> Iterator[Input]:
        """Yield all inputs."""
        for part in self.parts:
            if isinstance(part, Input):
                yield part
            else:
                yield from part.inputs()

    def chosen(self, sent: Sent) -> Iterator[Input]:
        """Yield the inputs that count by what the form says."""
        if self.when is not None and not self.when.holds(sent):
            return
        for part in self.parts:
            if isinstance(part, Input):
                yield part
            else:
                yield from part.chosen(sent)

    def left_behind(self, sent: Sent, before: Sent) -> Iterator[str]:
        """Yield the places of groups that no longer count, `before` being what the form said at first."""
        if self.when is not None and not self.when.holds(sent) and self.when.holds(before):
            yield from self.within
        for part in self.parts:
            if isinstance(part, Group):
                yield from part.left_behind(sent, before)


def chosen(groups: Sequence[Group], sent: Sent) -> list[Input]:
    """Return the inputs of all groups that count."""
    return [one for group in groups for one in group.chosen(sent)]
