"""Turns transitions into CloudEvents for people and other programs."""

from datetime import datetime, timedelta
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import msgspec

from services.vmwatch.tracker import Transition
from shared.bus import Publication
from shared.messages import CLOUD_EVENT_CONTENT_TYPE, CloudEvent, EventNotice, NoticeKind, encode
from shared.topics import Topics, host_key

KEPT_FOR: Final = timedelta(hours=1)
"""How long after NotBefore a notice waits for those away."""
_TYPE_PREFIX: Final = "io.leeward.event"
_TOLD_AGAIN: Final = frozenset({NoticeKind.SCHEDULED, NoticeKind.STARTED})
"""What a watcher also says at first sight, so that the next one says it again; anything else is noticed once."""


def concerns(transition: Transition, host: str) -> bool:
    """Whether the event hits `host`, now or in its previous form; Azure compares names without case."""
    forms = (transition.event, transition.previous) if transition.previous else (transition.event,)
    return any(resource.lower() == host.lower() for form in forms for resource in form.resources)


def to_publication(topics: Topics, host: str, transition: Transition, now: datetime) -> Publication:
    """Return the notice of one transition, which the broker keeps until an hour after NotBefore for those away.

    Its id is the same whenever the same thing is said again, as after a restart, so that consumers can drop it; a
    NotBefore that moves back and forth is news each time.
    """
    event, previous = transition.event, transition.previous
    notice = CloudEvent[EventNotice](
        id=_notice_id(host, transition, now),
        source=f"/leeward/hosts/{host_key(host)}",
        type=f"{_TYPE_PREFIX}.{transition.kind}",
        subject=host,
        time=now,
        data=EventNotice(
            host=host,
            event=event,
            previous_status=previous.status if previous else None,
            previous_not_before=previous.not_before if previous else None,
        ),
    )
    return Publication(
        topic=topics.notice(host_key(host), transition.kind),
        payload=encode(notice),
        expiry=max(event.not_before or now, now) - now + KEPT_FOR,
        content_type=CLOUD_EVENT_CONTENT_TYPE,
    )


def _notice_id(host: str, transition: Transition, now: datetime) -> str:
    event = msgspec.structs.replace(transition.event, description="", first_seen_at=None)
    moment = "" if transition.kind in _TOLD_AGAIN else f"/{now.isoformat()}"
    return str(uuid5(NAMESPACE_URL, f"{host_key(host)}/{transition.kind}/{encode(event).decode()}{moment}"))
