"""The audit log: each change of a caller leaves one entry, with what its own transaction found and left."""

from datetime import timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from services.scheduler.domain.actions import Action, BasicAuthentication, HttpCall
from services.scheduler.domain.acts import Act
from services.scheduler.domain.callers import Scope
from services.scheduler.domain.collections import CollectionDefinition, CollectionState, Namespace, ResourceGroup
from services.scheduler.domain.jobs import Job, JobDefinition, JobState
from services.scheduler.domain.secrets import FileSecret, KeyId, SealedSecret, Secret
from services.scheduler.errors import ConflictError, NoRoomError
from services.scheduler.store.audit import (
    AuditEntry,
    AuditFilter,
    Change,
    CollectionImage,
    CordonImage,
    GroupImage,
    JobImage,
    RunImage,
    Subject,
)
from services.scheduler.store.base import Store
from services.scheduler.store.records import Cordon
from tests.parts.stored import (
    MINUTE,
    NOW,
    SOMEWHERE,
    TESTER,
    asked_for,
    claim,
    definition,
    draft,
    finished,
    put_collection,
    put_job,
    register,
)

PUT = Change(TESTER, Act.JOB_REPLACED)
EVERYTHING = AuditFilter()
NIGHTLY = Subject(namespace=SOMEWHERE, collection="nightly")
BACKUP = replace(NIGHTLY, job="backup")
CLOSED = CollectionDefinition(state=CollectionState.DISABLED)


async def entries(store: Store, wanted: AuditFilter = EVERYTHING) -> list[AuditEntry]:
    """Return all entries, the oldest first."""
    return (await store.list_audit(wanted, top=1000, skip=0))[::-1]


def image(job: Job) -> JobImage:
    """Return what the log keeps of a job without secrets."""
    return JobImage(state=job.state, definition=job.definition)


def with_password(password: Secret, uri: str = "http://10.0.0.4/work") -> JobDefinition:
    """Return a job that signs in."""
    authentication = BasicAuthentication(username="robot", password=password)
    return JobDefinition(action=Action(call=HttpCall(method="GET", uri=uri, authentication=authentication)))


async def test_a_job_that_is_created_and_replaced_leaves_both_with_what_it_was_and_is(store: Store) -> None:
    first = await put_job(store, change=PUT)
    second = await put_job(store, definition=definition("http://10.0.0.4/other"), change=PUT)
    created, replaced = await entries(store)
    assert (created.act, created.subject, created.actor) == (Act.JOB_CREATED, BACKUP, TESTER)
    assert (created.before, created.after) == (None, image(first))
    assert (replaced.act, replaced.before, replaced.after) == (Act.JOB_REPLACED, image(first), image(second))
    assert created.id < replaced.id


async def test_what_nobody_asked_for_leaves_no_entry(store: Store) -> None:
    job = await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner, once=True)
    await store.settle(owner, [finished(claimed, job_state=JobState.COMPLETED)])
    assert await store.prune_jobs(ended_before=NOW + MINUTE, limit=10) == 1
    await store.put_cordon(Cordon(host="db-0", reason="disks", by="tester", since=NOW))
    assert await store.delete_cordon("db-0")
    assert (job.state, await entries(store)) == (JobState.ENABLED, [])


async def test_a_write_that_changes_nothing_leaves_no_entry_unless_it_starts_the_job_anew(store: Store) -> None:
    patch = Change(TESTER, Act.JOB_PATCHED)
    await put_job(store, change=patch)
    await put_job(store, change=patch)
    assert [entry.act for entry in await entries(store)] == [Act.JOB_CREATED]
    await put_job(store, change=patch, restart=True)
    assert [entry.act for entry in await entries(store)] == [Act.JOB_CREATED, Act.JOB_PATCHED]


async def test_a_name_that_comes_twice_in_a_batch_is_created_then_replaced(store: Store) -> None:
    collection = await put_collection(store)
    drafts = [replace(draft("backup", uri=uri), change=PUT) for uri in ("http://a/", "http://b/")]
    await store.put_jobs(collection.id, drafts, NOW)
    created, replaced = await entries(store)
    assert (created.act, replaced.act) == (Act.JOB_CREATED, Act.JOB_REPLACED)
    assert replaced.before == created.after


async def test_each_draft_of_a_transaction_keeps_its_own_actor(store: Store) -> None:
    collection = await put_collection(store)
    names = ["ann", "bob", "eve"]
    changes = {name: Change(replace(TESTER, caller=name), Act.JOB_REPLACED) for name in names}
    drafts = [replace(draft(f"job-{name}"), change=changes[name]) for name in names]
    await store.put_jobs(collection.id, drafts, NOW)
    assert [(one.actor.caller, one.subject.job) for one in await entries(store)] == [(n, f"job-{n}") for n in names]


async def test_a_write_that_is_refused_leaves_no_entry(store: Store) -> None:
    await put_job(store)
    with pytest.raises(ConflictError):
        await put_job(store, expected_revision=7, change=PUT)
    collection = await put_collection(store)
    with pytest.raises(NoRoomError):
        await store.put_jobs(collection.id, [replace(draft("another"), change=PUT)], NOW, most=1)
    assert await entries(store) == []


async def test_the_log_has_no_boxes_of_secrets_and_says_which_changed(store: Store) -> None:
    boxes = [SealedSecret(key=KeyId("k1"), box=f"box-{number}") for number in range(2)]
    reference = FileSecret(name="password", scope=Scope(SOMEWHERE, "nightly"))
    field = "action.request.authentication.password"
    for password, uri in (
        (boxes[0], "http://a/"),
        (boxes[1], "http://a/"),
        (boxes[1], "http://b/"),
        (reference, "http://b/"),
    ):
        await put_job(store, definition=with_password(password, uri), change=PUT)
    await put_job(store, definition=definition("http://b/"), change=PUT)
    told = await entries(store)
    assert [entry.secrets for entry in told] == [(field,), (field,), (), (field,), (field,)]
    assert "box-" not in repr(told)
    assert all(one.after == other.before for one, other in pairwise(told))


async def test_a_deleted_job_is_in_the_log_as_it_was(store: Store) -> None:
    jobs = [await put_job(store, name) for name in ("backup", "report")]
    await store.delete_job(jobs[0].collection_id, "BACKUP", by=TESTER)
    await store.delete_jobs(jobs[1].collection_id, [job.id for job in jobs], by=TESTER)
    told = await entries(store)
    assert [(one.act, one.subject.job, one.before, one.after) for one in told] == [
        (Act.JOB_DELETED, job.name, image(job), None) for job in jobs
    ]


async def test_a_run_is_in_the_log_once_however_often_it_is_asked_for(store: Store) -> None:
    run = asked_for(await put_job(store))
    assert [await store.add_run(run, by=TESTER) for _ in range(3)] == [True, False, False]
    [entry] = await entries(store)
    assert (entry.act, entry.subject, entry.after) == (Act.JOB_RUN, BACKUP, RunImage(occurrence_id=run.id))


async def test_a_collection_leaves_an_entry_for_each_thing_that_becomes_of_it(store: Store) -> None:
    put, close = Change(TESTER, Act.COLLECTION_REPLACED), Change(TESTER, Act.COLLECTION_DISABLED)
    for change, written in ((put, CollectionDefinition()), (put, CollectionDefinition()), (close, CLOSED)):
        await store.put_collection(SOMEWHERE, "nightly", written, NOW, by=change)
    await store.delete_collection(SOMEWHERE, "NIGHTLY", by=TESTER)
    was_open, was_closed = CollectionImage(definition=CollectionDefinition()), CollectionImage(definition=CLOSED)
    assert [(one.act, one.subject, one.before, one.after) for one in await entries(store)] == [
        (Act.COLLECTION_CREATED, NIGHTLY, None, was_open),
        (Act.COLLECTION_DISABLED, NIGHTLY, was_open, was_closed),
        (Act.COLLECTION_DELETED, NIGHTLY, was_closed, None),
    ]


async def test_jobs_that_go_with_their_collection_are_in_the_log_too(store: Store) -> None:
    job = await put_job(store)
    await store.delete_collection(SOMEWHERE, "nightly", by=TESTER)
    told = {one.act: one for one in await entries(store)}
    assert told.keys() == {Act.COLLECTION_DELETED, Act.JOB_DELETED}
    assert (told[Act.JOB_DELETED].subject, told[Act.JOB_DELETED].before) == (BACKUP, image(job))
    assert {one.actor for one in told.values()} == {TESTER}


async def test_a_group_and_all_that_goes_with_it_are_in_the_log(store: Store) -> None:
    group = ResourceGroup(namespace=SOMEWHERE, location="north")
    for written in (group, group, replace(group, tags={"team": "db"})):
        await store.put_group(written, by=TESTER)
    await put_job(store)
    await store.delete_group(SOMEWHERE, by=TESTER)
    told = await entries(store)
    before, after = GroupImage(location="north", tags={}), GroupImage(location="north", tags={"team": "db"})
    assert [(one.act, one.before, one.after) for one in told[:2]] == [
        (Act.GROUP_CREATED, None, before),
        (Act.GROUP_REPLACED, before, after),
    ]
    gone = {one.act: one.before for one in told[2:]}
    assert gone.keys() == {Act.GROUP_DELETED, Act.COLLECTION_DELETED, Act.JOB_DELETED}
    assert gone[Act.GROUP_DELETED] == after


async def test_a_group_that_was_never_made_is_in_the_log_when_it_goes(store: Store) -> None:
    await put_collection(store)
    await store.delete_group(SOMEWHERE, by=TESTER)
    told = {one.act: one.before for one in await entries(store)}
    assert told[Act.GROUP_DELETED] == GroupImage(location="", tags={})


async def test_cordons_by_hand_are_in_the_log(store: Store) -> None:
    first = Cordon(host="db-0", reason="disks", by="ann", since=NOW)
    second = Cordon(host="db-0", reason="still disks", by="bob", since=NOW + MINUTE, until=NOW + 2 * MINUTE)
    for cordon in (first, second):
        await store.put_cordon(cordon, by=TESTER)
    assert [await store.delete_cordon("db-0", by=TESTER) for _ in range(2)] == [True, False]
    images = [CordonImage(reason=one.reason, by=one.by, since=one.since, until=one.until) for one in (first, second)]
    assert [(one.act, one.before, one.after) for one in await entries(store)] == [
        (Act.HOST_CORDONED, None, images[0]),
        (Act.HOST_CORDONED, images[0], images[1]),
        (Act.HOST_RELEASED, images[1], None),
    ]


async def _varied(store: Store) -> None:
    """Leave six entries: three callers, two collections, a host, a minute apart."""
    ann, bob = (replace(TESTER, caller=name) for name in ("ann", "bob"))
    elsewhere = Namespace(SOMEWHERE.subscription, "Other")
    for number, (place, collection) in enumerate([(SOMEWHERE, "nightly"), (elsewhere, "Nightly")]):
        change = Change(replace(ann, at=NOW + number * MINUTE), Act.COLLECTION_REPLACED)
        await store.put_collection(place, collection, CollectionDefinition(), NOW, by=change)
    for number, name in enumerate(("Backup", "report"), start=2):
        await put_job(store, name, change=Change(replace(bob, at=NOW + number * MINUTE), Act.JOB_REPLACED))
    cordon = Cordon(host="db-0", reason="disks", by="ann", since=NOW)
    await store.put_cordon(cordon, by=replace(ann, at=NOW + 4 * MINUTE))
    await store.put_group(ResourceGroup(namespace=elsewhere), by=replace(ann, at=NOW + 5 * MINUTE))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AuditFilter(), [5, 4, 3, 2, 1, 0]),
        (AuditFilter(collection="NIGHTLY"), [3, 2, 1, 0]),
        (AuditFilter(collection="nightly", resource_group="other"), [1]),
        (AuditFilter(subscription=SOMEWHERE.subscription, resource_group="Other"), [5, 1]),
        (AuditFilter(collection="nightly", job="backup"), [2]),
        (AuditFilter(host="DB-0"), [4]),
        (AuditFilter(caller="bob"), [3, 2]),
        (AuditFilter(caller="nobody"), []),
        (AuditFilter(act=Act.COLLECTION_CREATED), [1, 0]),
        (AuditFilter(since=NOW + MINUTE, until=NOW + 3 * MINUTE), [2, 1]),
        (AuditFilter(scopes=(Scope(SOMEWHERE, "Nightly"),)), [3, 2, 0]),
        (AuditFilter(scopes=(Scope(SOMEWHERE, "other"), Scope(Namespace("0", "default"), "nightly"))), []),
        (AuditFilter(scopes=()), []),
        (AuditFilter(scopes=(Scope(SOMEWHERE, "nightly"),), job="report", caller="bob"), [3]),
    ],
)
async def test_the_log_is_read_by_what_is_asked_for_the_latest_first(
    store: Store, wanted: AuditFilter, found: list[int]
) -> None:
    await _varied(store)
    assert [(one.actor.at - NOW) // MINUTE for one in await store.list_audit(wanted, top=10, skip=0)] == found


async def test_the_log_is_read_in_pages(store: Store) -> None:
    await _varied(store)
    pages = [await store.list_audit(EVERYTHING, top=4, skip=skip) for skip in (0, 4, 8)]
    assert [[(one.actor.at - NOW) // MINUTE for one in page] for page in pages] == [[5, 4, 3, 2], [1, 0], []]


async def test_old_entries_are_deleted_the_oldest_first_and_ids_go_on_rising(store: Store) -> None:
    await _varied(store)
    last = (await entries(store))[-1].id
    pruned = [await store.prune_audit(older_than=NOW + 5 * MINUTE, limit=3) for _ in range(3)]
    assert (pruned, len(await entries(store))) == ([3, 2, 0], 1)
    assert await store.prune_audit(older_than=NOW + timedelta(days=1), limit=3) == 1
    await store.put_group(ResourceGroup(namespace=SOMEWHERE), by=TESTER)
    assert [one.id > last for one in await entries(store)] == [True]


async def test_whoever_follows_hears_of_what_was_committed_and_of_nothing_else(store: Store) -> None:
    heard: list[list[Act]] = []
    store.follow_changes(lambda told: heard.append([entry.act for entry in told]))
    collection = await put_collection(store)
    await store.put_jobs(collection.id, [replace(draft(name), change=PUT) for name in ("a", "b")], NOW)
    with pytest.raises(ConflictError):
        await store.put_jobs(collection.id, [replace(draft("a", revision=7), change=PUT)], NOW)
    await store.delete_job(collection.id, "a", by=TESTER)
    await store.delete_job(collection.id, "b")
    assert heard == [[Act.JOB_CREATED, Act.JOB_CREATED], [Act.JOB_DELETED]]
