"""Other services as their retained status shows them."""

from datetime import UTC, datetime, timedelta

import msgspec

from services.operations.doctor.findings import Notes, Part, Result
from services.operations.doctor.seen import examine_services
from shared.about import product_version
from shared.bus import Delivery
from shared.messages import HostStatus, Presence, ReplicaStatus, encode
from shared.topics import HostKey, Topics
from tests.parts.doctoring import results, troubles

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TOPICS = Topics()


def replica(name: str, version: str, *, late: timedelta = timedelta()) -> Delivery:
    status = ReplicaStatus(replica=name, session="s", state=Presence.ONLINE, at=NOW - late, version=version)
    return retained(TOPICS.scheduler_status(name), status)


def watcher(host: str, *, poll_ok: bool = True, metadata: str = "active") -> Delivery:
    status = HostStatus(host=host, session="s", state=Presence.ONLINE, at=NOW, poll_ok=poll_ok, metadata=metadata)
    return retained(TOPICS.status(HostKey(host)), status)


def retained(topic: str, message: msgspec.Struct) -> Delivery:
    return Delivery(topic=topic, payload=encode(message), retained=True)


def seen(*deliveries: Delivery) -> Notes:
    notes = Notes(Part.BROKER)
    examine_services(deliveries, TOPICS, NOW, notes)
    return notes


def test_replicas_of_another_version_are_named() -> None:
    notes = seen(replica("one", product_version()), replica("two", "0.0.9"))
    assert results(notes.findings)["versions"] is Result.WARNING
    assert "schedulers run 0.0.9" in troubles(notes.findings)[0]


def test_a_replica_that_is_not_heard_of_is_no_version_to_mind() -> None:
    notes = seen(replica("one", product_version()), replica("gone", "0.0.1", late=timedelta(hours=1)))
    assert "versions" not in results(notes.findings)
    assert troubles(notes.findings)[0].startswith("gone: not heard of")


def test_watchers_without_an_answer_of_azure_are_named_but_not_those_that_have_none() -> None:
    notes = seen(watcher("db-0"), watcher("db-1", poll_ok=False), watcher("far", poll_ok=False, metadata="none"))
    assert troubles(notes.findings) == ["db-1: without an answer of the metadata service"]


def test_litter_is_passed_over_and_silence_is_not_checked() -> None:
    litter = Delivery(topic=TOPICS.status(HostKey("db-0")), payload=b"litter", retained=True)
    assert set(results(seen(litter).findings).values()) == {Result.NOT_CHECKED}


def test_of_many_names_a_few_are_told() -> None:
    notes = seen(*(watcher(f"db-{number}", poll_ok=False) for number in range(9)))
    assert troubles(notes.findings)[0].startswith("db-0, db-1, db-2, db-3, db-4 and 4 more:")
