"""What the form's templates show: inputs with their texts and faults, the lists they offer from, the preview."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from services.scheduler.domain.hosts import HostReport
from services.scheduler.portal.jobs.form.differences import Difference
from services.scheduler.portal.jobs.form.faults import Fault
from services.scheduler.portal.jobs.form.inputs import SECRETS, Group, Input, Offer, Option, Sent, Texts
from services.scheduler.portal.jobs.form.preview import Preview
from services.scheduler.portal.jobs.form.sent import Tab
from services.scheduler.portal.jobs.form.stored import Described

MOST_OFFERED = 500
_CONTINENTS = frozenset(
    ["Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"]
)
_ENDED = ("completed", "faulted")


class Standing(StrEnum):
    """How an input stands to the document.

    KEPT: its secret stays unless another is typed. UNSAYABLE: only JSON can say what is there.
    """

    PLAIN = "plain"
    KEPT = "kept"
    UNSAYABLE = "unsayable"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that stays, and what may be told of it."""

    certificate: Described | None = None


class FieldView(msgspec.Struct, frozen=True, kw_only=True):
    """One input as it is shown."""

    one: Input
    texts: Texts
    options: tuple[Option, ...]
    standing: Standing
    fault: str = ""
    kept: Kept | None = None

    @property
    def text(self) -> str:
        """What a single input says."""
        return self.texts[0] if self.texts else ""


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    """A group as it is shown."""

    group: Group
    parts: tuple["FieldView | GroupView", ...]
    is_chosen: bool
    is_open: bool


class FormView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page. `revision` None: the job is new; `original` is where a clone comes from."""

    tab: Tab
    name: str
    place: str
    places: tuple[str, ...]
    original: str = ""
    revision: int | None
    base: str
    text: str = ""
    sections: tuple[GroupView, ...] = ()
    faults: tuple[Fault, ...] = ()
    differences: tuple[Difference, ...] = ()
    preview: Preview
    offers: Mapping[Offer, tuple[str, ...]] = {}
    lost_secrets: bool = False

    @property
    def is_new(self) -> bool:
        """Whether the job is not there yet."""
        return self.revision is None

    @property
    def fault_of(self) -> Mapping[str, str]:
        """What is wrong, by the ids of inputs."""
        return {fault.id: fault.message for fault in self.faults}


class CheckView(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside the form while it is filled in."""

    preview: Preview
    faults: tuple[Fault, ...]
    is_new: bool


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What is noted at inputs: faults by id, secrets that are kept, and inputs that cannot show what is there."""

    faults: Mapping[str, str] = {}
    kept: Mapping[str, Kept] = {}
    unsayable: frozenset[str] = frozenset()


def group_views(groups: Iterable[Group], sent: Sent, marks: Marks) -> tuple[GroupView, ...]:
    """Return groups as they are shown with what the form says."""
    return tuple(_group(group, sent, marks) for group in groups)


def offered(reports: Sequence[HostReport], zones: Iterable[str]) -> dict[Offer, tuple[str, ...]]:
    """Return what inputs propose."""
    pools = sorted({pool for report in reports for pool in report.pools})
    return {
        Offer.POOLS: tuple(pools[:MOST_OFFERED]),
        Offer.HOSTS: tuple(report.host for report in reports[:MOST_OFFERED]),
        # Old names of zones have no continent; they are accepted, but nobody needs to choose one.
        Offer.ZONES: ("UTC", *sorted(zone for zone in zones if zone.partition("/")[0] in _CONTINENTS)),
    }


def _group(group: Group, sent: Sent, marks: Marks) -> GroupView:
    parts = tuple(
        _field(part, sent, marks) if isinstance(part, Input) else _group(part, sent, marks) for part in group.parts
    )
    chosen = group.when is None or group.when.holds(sent)
    return GroupView(
        group=group,
        parts=parts,
        is_chosen=chosen,
        is_open=chosen and (not group.folded or any(_says(part) for part in parts)),
    )


def _field(one: Input, sent: Sent, marks: Marks) -> FieldView:
    texts = () if one.widget in SECRETS else sent.get(one.key, ())
    # A job ends by itself: nobody can choose it.
    options = tuple(each for each in one.options if each.value not in _ENDED or each.value in texts)
    return FieldView(
        one=one,
        texts=texts,
        options=options,
        standing=_standing(one, marks),
        fault=marks.faults.get(one.id, ""),
        kept=marks.kept.get(one.path) if one.widget in SECRETS else None,
    )


def _standing(one: Input, marks: Marks) -> Standing:
    if one.key in marks.unsayable:
        return Standing.UNSAYABLE
    return Standing.KEPT if one.widget in SECRETS and one.path in marks.kept else Standing.PLAIN


def _says(part: FieldView | GroupView) -> bool:
    """Whether there is something in a part that should not stay folded away."""
    if isinstance(part, GroupView):
        return part.is_chosen and any(_says(each) for each in part.parts)
    return bool(part.fault) or part.standing is not Standing.PLAIN or part.text not in ("", part.one.default)
