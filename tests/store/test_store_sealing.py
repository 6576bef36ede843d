"""Jobs by the keys of their secrets: found when they are under others, resealed without disturbing anything."""

import pytest
from msgspec.structs import replace

from services.scheduler.domain.actions import Action, BasicAuthentication, ErrorAction, HttpCall, StorageQueueCall
from services.scheduler.domain.jobs import Job, JobDefinition
from services.scheduler.domain.secret_fields import sealed_under, secrets_of, with_secrets
from services.scheduler.domain.secrets import KeyId, SealedSecret
from services.scheduler.errors import ConflictError
from services.scheduler.store.base import Store
from tests.parts.stored import NOW, claim, draft, put_collection, put_job, register, stored

OLD, NEW = KeyId("b-old"), KeyId("c-new")


def under(*keys: str) -> JobDefinition:
    """Return a definition with a secret under each of one or two keys."""
    boxes = [SealedSecret(key=KeyId(key), box="Ym94") for key in keys]
    call = HttpCall(
        method="GET", uri="http://10.0.0.4/work", authentication=BasicAuthentication(username="ada", password=boxes[0])
    )
    queue = StorageQueueCall(account="acc", queue="q", sas=boxes[-1], message="late")
    return JobDefinition(action=Action(call=call, error_action=ErrorAction(call=queue), cancel=queue))


def resealed(job: Job) -> Job:
    """Return a job with all its secrets under NEW."""
    action = with_secrets(job.definition.action, lambda _: SealedSecret(key=NEW, box="bmV3"))
    return replace(job, definition=replace(job.definition, action=action))


def keys_of(job: Job) -> set[str]:
    """Return the keys that a job needs."""
    return {held.secret.key for held in secrets_of(job.definition.action) if isinstance(held.secret, SealedSecret)}


async def test_jobs_under_other_keys_are_found_and_the_others_not(store: Store) -> None:
    await put_job(store, "without")
    await put_job(store, "present", definition=under(NEW))
    for name, keys in (("below", ("a-older",)), ("above", ("d-other",)), ("both", (OLD, NEW))):
        await put_job(store, name, definition=under(*keys))
    found = await store.list_sealed(other_than=NEW, limit=10)
    assert {job.name for job in found} == {"below", "above", "both"}
    assert await store.count_sealed(other_than=NEW) == 3
    assert await store.count_sealed(other_than=KeyId("")) == 4


async def test_a_page_goes_on_after_the_last_job_of_the_one_before(store: Store) -> None:
    for number in range(7):
        await put_job(store, f"job-{number}", definition=under(("a", "x", OLD)[number % 3]))
    seen, last = [], None
    while page := await store.list_sealed(other_than=NEW, after=last, limit=2):
        assert len(page) <= 2
        seen += [job.name for job in page]
        last = page[-1]
    assert sorted(seen) == [f"job-{number}" for number in range(7)]


async def test_a_resealed_job_is_whole_and_under_the_new_key(store: Store) -> None:
    job = await put_job(store, definition=under(OLD))
    assert await store.reseal([resealed(job)]) == {job.id}
    after = await stored(store, job)
    assert keys_of(after) == {NEW}
    assert after == replace(resealed(job), revision=job.revision + 1)
    assert await store.count_sealed(other_than=NEW) == 0


async def test_a_job_that_was_written_meanwhile_stays_as_it_was_written(store: Store) -> None:
    job = await put_job(store, definition=under(OLD))
    written = await put_job(store, definition=under(NEW, OLD))
    assert await store.reseal([resealed(job)]) == frozenset()
    assert (await stored(store, job)).definition == written.definition


async def test_a_writer_that_read_the_job_before_it_was_resealed_is_told(store: Store) -> None:
    job = await put_job(store, definition=under(OLD))
    await store.reseal([resealed(job)])
    collection = await put_collection(store)
    late = replace(draft(job.name, revision=job.revision), definition=under(OLD))
    with pytest.raises(ConflictError):
        await store.put_jobs(collection.id, [late], NOW)
    assert keys_of(await stored(store, job)) == {NEW}


async def test_a_deleted_job_is_not_brought_back(store: Store) -> None:
    job = await put_job(store, definition=under(OLD))
    await store.delete_job(job.collection_id, job.name)
    assert await store.reseal([resealed(job)]) == frozenset()
    assert await store.list_sealed(other_than=NEW, limit=10) == []


async def test_a_claim_stands_and_the_next_one_has_the_new_secrets(store: Store) -> None:
    owner = await register(store)
    job = await put_job(store, definition=under(OLD))
    [mine] = await claim(store, owner)
    assert keys_of(mine.job) == {OLD}
    await store.reseal([resealed(await stored(store, job))])
    [again] = await store.list_claims(owner)
    assert again.occurrence == mine.occurrence
    assert keys_of(again.job) == {NEW}


def test_the_keys_of_a_definition_are_named_once_and_in_order() -> None:
    assert sealed_under(under("b", "a").action) == "a b"
    assert sealed_under(under("a", "a").action) == "a"
    assert sealed_under(Action(call=HttpCall(method="GET", uri="http://x/"))) is None
