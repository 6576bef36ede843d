"""After a rotation jobs come under the new key, whatever else goes on, and the gauge says how many are left."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from services.scheduler.domain.actions import Action, BasicAuthentication, HttpCall
from services.scheduler.domain.destinations import place_of
from services.scheduler.domain.jobs import Job, JobDefinition
from services.scheduler.domain.secret_fields import sealed_under, secrets_of
from services.scheduler.domain.secrets import KeyId, SealedSecret
from services.scheduler.metrics import Metrics
from services.scheduler.resealing import PATIENCE_SECONDS, Resealing
from services.scheduler.store.base import Store
from services.scheduler.store.open import open_store
from services.scheduler.vault.keys import KeyRing
from services.scheduler.vault.vault import Vault
from shared.clock import SystemClock
from shared.keyfile import add_key, create_keys, remove_key
from tests.parts.stored import put_collection, put_job, stored
from tests.parts.vaults import Turned, key, references

FIELD = "action.request.authentication.password"


class Site:
    """A store, a keys file and the duty between them."""

    def __init__(self, store: Store, path: Path) -> None:
        create_keys(path, key("k1"))
        self.store, self.path, self.elapsed, self.metrics = store, path, Turned(), Metrics("0")
        self.ring = KeyRing(path, SystemClock(), self.metrics, elapsed=self.elapsed)
        self.ring.begin(create=False)
        self.vault = Vault(self.ring, references(), self.metrics)
        self.duty = Resealing(store, self.ring, self.vault, self.metrics, elapsed=self.elapsed)

    async def job(self, name: str, text: str) -> Job:
        """Write a job with a password."""
        collection = await put_collection(self.store)
        call = HttpCall(method="GET", uri="http://10.0.0.4/work")
        password = self.vault.seal(text, place_of(collection.id, name, FIELD, call), collection)
        call = replace(call, authentication=BasicAuthentication(username="ada", password=password))
        return await put_job(self.store, name, definition=JobDefinition(action=Action(call=call)))

    async def text_of(self, job: Job) -> str:
        """Open the password of a job as it is stored."""
        now = await stored(self.store, job)
        [held] = secrets_of(now.definition.action)
        return self.vault.open(held.secret, place_of(now.collection_id, now.name, held.field, held.call))

    async def under(self, job: Job) -> str | None:
        """Return the keys that a stored job needs."""
        return sealed_under((await stored(self.store, job)).definition.action)

    def left(self) -> float | None:
        """Return what the gauge says."""
        return self.metrics.registry.get_sample_value("leeward_secrets_under_old_keys")


@pytest.fixture(params=["memory://", "sqlite:///{}/leeward.db"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_store(request.param.format(tmp_path)) as store:
        yield Site(store, tmp_path / "leeward.keys")


async def test_all_jobs_come_under_the_new_key_and_keep_their_texts(site: Site) -> None:
    jobs = {f"text {number}": await site.job(f"job-{number}", f"text {number}") for number in range(230)}
    plain = await put_job(site.store, "plain")
    await site.duty.look()
    assert site.left() == 0
    add_key(site.path, key("k2"))
    await site.duty.look()
    assert site.left() == 0
    for text, job in jobs.items():
        assert await site.under(job) == "k2"
        assert await site.text_of(job) == text
    assert await stored(site.store, plain) == plain


async def test_the_old_key_is_needed_no_more_afterwards(site: Site) -> None:
    job = await site.job("backup", "text")
    add_key(site.path, key("k2"))
    await site.duty.look()
    remove_key(site.path, "k1", SystemClock().now())
    await site.duty.look()
    assert site.ring.ids == {"k2"}
    assert await site.text_of(job) == "text"


async def test_a_job_whose_key_is_gone_is_counted_and_left_alone_for_a_while(site: Site) -> None:
    lost = await site.job("lost", "text")
    site.path.write_text(site.path.read_text().replace("k1 ", "k9 "))
    site.ring.look()
    kept = await site.job("kept", "text")
    await site.duty.look()
    await site.duty.look()
    assert site.left() == 1
    assert await site.under(lost) == "k1"
    assert await site.under(kept) == "k9"
    failures = ("leeward_secret_failures_total", {"reason": "unknown_key"})
    before = site.metrics.registry.get_sample_value(*failures)
    await site.duty.look()
    assert site.metrics.registry.get_sample_value(*failures) == before
    site.elapsed.seconds += PATIENCE_SECONDS
    await site.duty.look()
    assert site.metrics.registry.get_sample_value(*failures) == (before or 0) + 1


async def test_a_key_that_is_put_back_saves_what_was_under_it(site: Site) -> None:
    lost = await site.job("lost", "text")
    file = site.path.read_text()
    site.path.write_text(file.replace("k1 ", "k9 "))
    await site.duty.look()
    site.path.write_text(file)
    add_key(site.path, key("k2"))
    await site.duty.look()
    assert site.left() == 0
    assert await site.text_of(lost) == "text"


async def test_a_job_written_while_it_is_resealed_keeps_what_was_written(site: Site) -> None:
    job = await site.job("backup", "old text")
    add_key(site.path, key("k2"))
    site.ring.look()
    seen = await site.store.list_sealed(other_than=KeyId("k2"), limit=10)
    await site.job("backup", "new text")
    assert await site.store.reseal(seen) == frozenset()
    await site.duty.look()
    assert await site.text_of(job) == "new text"


async def test_a_secret_of_another_place_is_not_carried_along(site: Site) -> None:
    """What somebody with the database copied from one job to another stays closed."""
    mine, theirs = await site.job("mine", "text"), await site.job("theirs", "text")
    stolen = replace(theirs.definition, tags={"copied": "yes"})
    await put_job(site.store, mine.name, definition=stolen)
    add_key(site.path, key("k2"))
    await site.duty.look()
    [held] = secrets_of((await stored(site.store, mine)).definition.action)
    assert isinstance(held.secret, SealedSecret)
    assert held.secret.key == "k1"
    assert site.left() == 1
