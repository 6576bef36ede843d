"""What the broker said of itself at the login, held against what Leeward needs."""

from collections.abc import Iterator

from services.operations.doctor.findings import Notes
from shared.bus.connection import WILL_DELAY_SECONDS
from shared.bus.inspection import BrokerOffers
from shared.bus.publications import PAYLOAD_LIMIT


def judge_offers(offers: BrokerOffers, notes: Notes) -> None:
    """Note what is too little, or that all of it is enough."""
    faults = list(_faults(offers))
    for what, remedy in faults:
        notes.fail("limits", what, f"in the broker's settings: {remedy}")
    if not faults:
        size = "any size" if offers.largest_packet is None else f"up to {offers.largest_packet} bytes"
        notes.ok("limits", f"the broker takes packets of {size}, retains, and offers QoS {offers.highest_qos}")


def _faults(offers: BrokerOffers) -> Iterator[tuple[str, str]]:
    """Yield what is too little, and what to change."""
    if offers.largest_packet is not None and offers.largest_packet < PAYLOAD_LIMIT:
        what = f"the broker takes packets of {offers.largest_packet} bytes at the most, and a message may have"
        yield f"{what} {PAYLOAD_LIMIT}", f"raise max_packet_size to {2 * PAYLOAD_LIMIT} and message_size_limit likewise"
    if not offers.retains:
        yield "the broker retains nothing, and all state is in retained messages", "allow retained messages"
    if not offers.takes_wildcards:
        yield "subscriptions may have no wildcards, and the scheduler's have some", "allow wildcard subscriptions"
    if offers.highest_qos < 1:
        yield "the broker does not offer QoS 1", "raise max_qos"
    if offers.session_seconds is not None and offers.session_seconds < WILL_DELAY_SECONDS:
        what = f"sessions end after {offers.session_seconds} s, and with them the wait before a will is told"
        yield f"{what}: a frozen VM looks dead too soon", f"let sessions last {WILL_DELAY_SECONDS} s or more"
