"""Every section of the form, in the order of the page; what they cannot say is for the document itself."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TypeVar

from services.scheduler.api.schemas.jobs import FrequencyName
from services.scheduler.domain.choices import CaseInsensitive
from services.scheduler.domain.jobs import JobState
from services.scheduler.domain.policies import (
    AtDeadline,
    CatchUp,
    HostChoice,
    InFlight,
    LastStanding,
    OnRelease,
    Overlap,
    Strategy,
)
from services.scheduler.portal.jobs.form.calls import action_groups
from services.scheduler.portal.jobs.form.inputs import Group, Input, Offer, Option, When, Widget

C = TypeVar("C", bound=CaseInsensitive)

RHYTHM = "rhythm"
ONCE, EVERY, CRON = "once", "every", "cron"
ZONE = "recurrence.timeZone"
RULE = "recurrence"
EVENT_TYPES = ("Freeze", "Reboot", "Redeploy", "Preempt", "Terminate", "Manual")
_AGAIN = When(RHYTHM, (EVERY, CRON))


@cache
def sections() -> tuple[Group, ...]:
    """Return the sections; name and collection, which no document decides, stand before them."""
    return (*action_groups(), _when(), _limits(), _where(), _events(), _rest())


def _when() -> Group:
    rhythms = (Option(ONCE, "once"), Option(EVERY, "again and again"), Option(CRON, "by a cron expression"))
    return Group(
        id="when",
        title="When",
        parts=(
            Input(path=RHYTHM, label="It runs", widget=Widget.RHYTHM, options=rhythms, default=ONCE),
            _every(),
            Group(
                id="g-cron",
                title="Cron",
                parts=(
                    Input(
                        path="recurrence.cron",
                        label="Cron expression",
                        required=True,
                        hint="minute, hour, day of month, month, day of week: 30 6 * * 1-5",
                    ),
                ),
                when=When(RHYTHM, (CRON,)),
                within=("recurrence.cron",),
            ),
            Input(
                path=ZONE,
                label="Time zone",
                widget=Widget.ZONE,
                offer=Offer.ZONES,
                hint="times below are in it; UTC unless given",
            ),
            Input(path="startTime", label="Start", widget=Widget.TIME, hint="at once unless given"),
            Group(
                id="g-end",
                title="Until",
                parts=(
                    Input(path="recurrence.endTime", label="End", widget=Widget.TIME, hint="for ever unless given"),
                    Input(path="recurrence.count", label="Times", widget=Widget.NUMBER, hint="no limit unless given"),
                ),
                when=_AGAIN,
                within=(RULE,),
            ),
        ),
    )


def _every() -> Group:
    schedule = "recurrence.schedule"
    units = tuple(Option(unit, f"{unit}s") for unit in FrequencyName)
    return Group(
        id="g-every",
        title="How often",
        parts=(
            Input(path="recurrence.interval", label="Every", widget=Widget.NUMBER, default="1"),
            Input(
                path="recurrence.frequency",
                label="Unit",
                widget=Widget.CHOICE,
                options=(Option("", "choose…"), *units),
                required=True,
            ),
            Group(
                id="g-days",
                title="On these days of the week",
                parts=(
                    Input(path=f"{schedule}.weekDays", label="Days", widget=Widget.DAYS, hint="of every so many weeks"),
                ),
                when=When("recurrence.frequency", (FrequencyName.WEEK,)),
                within=(f"{schedule}.weekDays",),
            ),
            Group(
                id="g-months",
                title="On these days of the month",
                parts=(
                    Input(
                        path=f"{schedule}.monthDays",
                        label="Days of the month",
                        widget=Widget.NUMBERS,
                        hint="1, 15; -1 is the last day",
                    ),
                    Input(
                        path=f"{schedule}.monthlyOccurrences",
                        label="Weekdays of the month",
                        widget=Widget.MONTHLY,
                        hint="first Monday, last Friday, every Sunday",
                    ),
                ),
                when=When("recurrence.frequency", (FrequencyName.MONTH,)),
                within=(f"{schedule}.monthDays", f"{schedule}.monthlyOccurrences"),
            ),
            Input(path=f"{schedule}.hours", label="Hours", widget=Widget.NUMBERS, hint="9, 17 or 8-17"),
            Input(path=f"{schedule}.minutes", label="Minutes", widget=Widget.NUMBERS, hint="0, 30"),
        ),
        when=When(RHYTHM, (EVERY,)),
        within=("recurrence.frequency", "recurrence.interval", schedule),
    )


def _limits() -> Group:
    return Group(
        id="limits",
        title="How it runs",
        parts=(
            Input(path="timeout", label="Time limit", widget=Widget.LENGTH, hint="of each attempt: 60s unless given"),
            Input(
                path="flexibleWindow",
                label="Flexible window",
                widget=Widget.LENGTH,
                hint="each starts at some instant within this after it is due",
            ),
            _choice(
                "overlap",
                "When the one before still runs",
                {
                    Overlap.SKIP: "skip this one",
                    Overlap.ALLOW: "run both",
                    Overlap.QUEUE_ONE: "run one of those that wait, after it",
                },
            ),
            _choice(
                "catchUp",
                "After a downtime of the scheduler",
                {
                    CatchUp.RUN_ONCE: "run what was missed once",
                    CatchUp.RUN_ALL: "run all that was missed",
                    CatchUp.SKIP: "run nothing of it",
                },
            ),
            Input(
                path="catchUpWindow",
                label="Make up for at most",
                widget=Widget.LENGTH,
                hint="1h unless given; what was missed longer ago stays missed",
            ),
        ),
    )


def _where() -> Group:
    return Group(
        id="where",
        title="Where it runs",
        hint="Without pool and host: by the address in the URI. A host with a pool is where it runs by preference.",
        parts=(
            Input(path="placement.pool", label="Pool", offer=Offer.POOLS),
            Input(path="placement.host", label="Host", offer=Offer.HOSTS),
            Input(
                path="placement.choice",
                label="Of the pool's free hosts",
                widget=Widget.CHOICE,
                options=(
                    Option("", "where the fewest run (Spread)"),
                    Option(HostChoice.STICKY, "always the same (Sticky)"),
                    Option(HostChoice.RANDOM, "any (Random)"),
                    Option(HostChoice.SPREAD, "Spread, written down"),
                ),
            ),
        ),
    )


def _events() -> Group:
    overrides = tuple(
        Group(
            id=f"g-{kind.lower()}",
            title=f"Other than that under {kind}",
            parts=tuple(_rule(f"maintenance.byType.{kind}")),
            folded=True,
        )
        for kind in EVENT_TYPES
    )
    return Group(
        id="events",
        title="What an event does to it",
        hint="What is left open is decided by the collection, then by the fleet.",
        parts=(*_rule("maintenance"), *overrides),
    )


def _rule(at: str) -> Iterator[Input]:
    yield _question(
        f"{at}.strategy",
        "When its host is threatened",
        {Strategy.REROUTE: "run elsewhere", Strategy.HOLD: "hold it until it is over", Strategy.IGNORE: "run as ever"},
    )
    yield Input(
        path=f"{at}.leadTime",
        label="Leave the host before the event",
        widget=Widget.LENGTH,
        hint="such as 10m; auto: as late as its duration allows; at first sight unless given",
    )
    yield _question(
        f"{at}.inFlight",
        "What runs when the event is announced",
        {InFlight.WAIT: "goes on", InFlight.CANCEL: "is broken off, and repeated elsewhere"},
    )
    yield _question(
        f"{at}.atDeadline",
        "What still runs when the event begins",
        {
            AtDeadline.LEAVE: "is left alone",
            AtDeadline.CANCEL: "is broken off, and has failed",
            AtDeadline.MOVE: "is broken off, and repeated elsewhere",
        },
    )
    yield _question(
        f"{at}.lastStanding",
        "When all hosts of the pool are threatened",
        {LastStanding.HOLD_ALL: "hold it", LastStanding.RUN_ON_LEAST_URGENT: "run where the event is furthest away"},
    )
    yield _question(
        f"{at}.onRelease",
        "Of what was held, run afterwards",
        {OnRelease.RUN_ONCE: "the latest", OnRelease.RUN_ALL: "all", OnRelease.SKIP: "nothing"},
    )


def _rest() -> Group:
    states = {
        JobState.ENABLED: "enabled",
        JobState.DISABLED: "disabled",
        JobState.COMPLETED: "completed, as it is",
        JobState.FAULTED: "faulted, as it is",
    }
    return Group(
        id="rest",
        title="Tags and state",
        parts=(
            Input(path="tags", label="Tags", widget=Widget.PAIRS, hint="one a line: team=db"),
            _choice("state", "It is", states),
        ),
    )


def _choice(path: str, label: str, words: Mapping[C, str]) -> Input:
    """Return a choice of which the first is made where nothing is said."""
    options = tuple(Option(str(value), text) for value, text in words.items())
    return Input(path=path, label=label, widget=Widget.CHOICE, options=options, default=options[0].value)


def _question(path: str, label: str, words: Mapping[C, str]) -> Input:
    """Return a choice that may be left to others."""
    options = (Option("", "left open"), *(Option(str(value), text) for value, text in words.items()))
    return Input(path=path, label=label, widget=Widget.CHOICE, options=options)
