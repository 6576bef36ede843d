"""What is compared: the same fleet, jobs and update under different policies."""

import msgspec

from services.scheduler.domain.policies import (
    AUTO,
    NO_MAINTENANCE,
    AtDeadline,
    LastStanding,
    Maintenance,
    MaintenanceRule,
)
from services.scheduler.settings import Approve


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One way to live with events; `fleet` answers what jobs leave open, `watched`: anybody hears of events at all."""

    name: str
    told: str
    fleet: Maintenance = NO_MAINTENANCE
    approve: Approve = Approve.NONE
    watched: bool = True


WITHOUT = Variant(
    name="without",
    told="nobody hears of events: jobs go on as if there were none, as with every job on `Ignore`; nothing is approved",
    watched=False,
)
DEFAULTS = Variant(
    name="defaults",
    told="Leeward as it comes: held or rerouted at first sight; events of the platform wait for NotBefore",
    approve=Approve.USER,
)
AUTOMATIC = Variant(
    name="auto",
    told='the notice is used: `leadTime: "auto"`, `atDeadline: Move` and `lastStanding: RunOnLeastUrgent` for every '
    "job that does not choose itself",
    fleet=Maintenance(
        rule=MaintenanceRule(
            lead_time=AUTO, at_deadline=AtDeadline.MOVE, last_standing=LastStanding.RUN_ON_LEAST_URGENT
        )
    ),
    approve=Approve.USER,
)
APPROVED = Variant(
    name="approved",
    told="the defaults with `LEEWARD_APPROVE=all`: what is drained is approved",
    approve=Approve.ALL,
)
BOTH = Variant(
    name="auto, approved",
    told='`leadTime: "auto"` and `LEEWARD_APPROVE=all`',
    fleet=Maintenance(rule=MaintenanceRule(lead_time=AUTO)),
    approve=Approve.ALL,
)
VARIANTS = (WITHOUT, DEFAULTS, AUTOMATIC, APPROVED, BOTH)
