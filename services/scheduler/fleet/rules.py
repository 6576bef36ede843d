"""The operator's choices about events and hosts."""

from datetime import timedelta

import msgspec

from services.scheduler.fleet.bounds import Bounds
from services.scheduler.settings import Settings


class FleetRules(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's choices about events and hosts; `capacity` is that of a host without a tag, 0: any number."""

    ignore_freeze: timedelta = timedelta()
    silent_margin: timedelta = timedelta(seconds=300)
    warm_up: timedelta = timedelta(seconds=30)
    capacity: int = 0
    bounds: Bounds = Bounds()

    @classmethod
    def of(cls, settings: Settings) -> "FleetRules":
        """Return what the settings say."""
        hold = timedelta(hours=settings.hold_hours) if settings.hold_hours else None
        return cls(
            ignore_freeze=timedelta(seconds=settings.ignore_freeze_seconds),
            silent_margin=timedelta(seconds=settings.silent_margin_seconds),
            warm_up=timedelta(seconds=settings.warm_up_seconds),
            capacity=settings.host_capacity,
            bounds=Bounds(pool_share=settings.event_pool_share, hold=hold),
        )
