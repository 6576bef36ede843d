"""The real watchers, one on each VM, asking the emulator over HTTP: whole programs but for their bus and their loops.

To keep a day short nobody polls for a second in which nothing can have changed: each polls at its own moment within the
second after a change, every second while it cannot read, and every ten minutes besides.
"""

from collections.abc import Callable

from services.vmwatch.approvals import REPEAT_SECONDS
from shared.bus import Delivery
from shared.topics import HostKey
from tests.simulation.day.lives import Session, Surroundings
from tests.simulation.machines import Blow, Impact
from tests.simulation.watchers import BEAT, BOOT, POLL, WILL_DELAY
from tests.simulation.world import Host

IDLE_POLL = 600.0


class Post:
    """The place of one watcher, life after life."""

    def __init__(self, host: Host, url: str, around: Surroundings) -> None:
        self.host = host
        self.lives = 0
        self._url = url
        self._around = around
        self._life: Session | None = None
        self._is_awaited = False

    @property
    def is_sure(self) -> bool:
        """Whether a watcher is there whose last poll was answered."""
        return self._life is not None and self._is_up and not self._life.watcher.trouble

    @property
    def _is_up(self) -> bool:
        return self._around.machines.is_up(self.host.key)

    async def begin(self) -> None:
        """Start a watcher, unless one is there or the VM is down."""
        if self._life is None and self._is_up:
            self.lives += 1
            self._life = Session(self.host, f"{self.host.key}-{self.lives}", self._url, self._around)
            await self._life.begin()
            self._look_again()

    async def end(self, *, says_goodbye: bool = False) -> None:
        """Stop the watcher, killed or in good order; the broker tells of a killed one after a while."""
        life, self._life = self._life, None
        if life is None:
            return
        if says_goodbye:
            life.watcher.leave()
        else:
            self._around.agenda.after(WILL_DELAY, life.bury)
        await life.close()

    async def beat(self) -> None:
        """Say that it lives, if it does."""
        if self._life is not None and self._is_up:
            await self._life.watcher.beat()

    async def poll(self) -> None:
        """Ask for events, if it can; again in a second as long as that fails."""
        self._is_awaited = False
        if self._life is not None and self._is_up:
            await self._life.watcher.poll()
            await self._life.identify()
            self._look_again()

    def poll_soon(self) -> None:
        """Poll at its next moment."""
        if not self._is_awaited:
            self._is_awaited = True
            into = self._around.agenda.now().microsecond / 1e6
            self._around.agenda.after((self.host.phase - into) % POLL, lambda: self._around.do(self.poll))

    async def repeat(self) -> None:
        """Tell Azure again what it has not acted upon."""
        if self._life is not None and self._is_up:
            await self._life.approvals.repeat()

    def tell_again(self) -> None:
        """Publish all retained state anew: the broker has forgotten it."""
        if self._life is not None and self._is_up:
            self._life.tell_again()

    async def handle(self, delivery: Delivery) -> bytes | None:
        """Carry out a command; None when nobody is there."""
        if self._life is None or not self._is_up:
            return None
        self._life.answer = None
        await self._life.approvals.handle(delivery)
        return self._life.answer

    def struck(self, blow: Blow) -> None:
        """Take note that the VM is hit: its watcher stands still with it, or is gone."""
        if blow.impact is Impact.STOP:
            self._around.do(self.end)

    def recovered(self, blow: Blow) -> None:
        """Take note that the VM runs again."""
        if blow.impact is Impact.STOP:
            self._around.agenda.after(BOOT, lambda: self._around.do(self.begin))
        else:
            self.poll_soon()

    def _look_again(self) -> None:
        if self._life is not None and self._life.watcher.trouble:
            self._around.agenda.after(POLL, self.poll_soon)


class Posts:
    """All watchers of a fleet, and their rhythms."""

    def __init__(self, posts: list[Post], around: Surroundings) -> None:
        self.by_host: dict[HostKey, Post] = {post.host.key: post for post in posts}
        self._around = around

    async def begin(self) -> None:
        """Start every watcher and its rhythm."""
        for post in self.by_host.values():
            await post.begin()
        for seconds, duty in ((BEAT, Post.beat), (IDLE_POLL, Post.poll), (REPEAT_SECONDS, Post.repeat)):
            self._every(seconds, duty)

    async def end(self) -> None:
        """Stop them all in good order."""
        for post in self.by_host.values():
            await post.end(says_goodbye=True)

    async def ask(self, host: HostKey, delivery: Delivery) -> bytes | None:
        """Carry a command to a host's watcher."""
        post = self.by_host.get(host)
        return await post.handle(delivery) if post is not None else None

    def changed(self, group: str) -> None:
        """Have the watchers of a group look soon: their document has changed."""
        for post in self.by_host.values():
            if post.host.group == group:
                post.poll_soon()

    def of(self, group: str) -> list[Post]:
        """Return the posts of a group."""
        return [post for post in self.by_host.values() if post.host.group == group]

    def _every(self, seconds: float, duty: Callable[[Post], object]) -> None:
        async def round_of() -> None:
            for post in self.by_host.values():
                await duty(post)  # type: ignore[misc]
            self._around.agenda.after(seconds, again)

        def again() -> None:
            self._around.do(round_of)

        self._around.agenda.after(seconds, again)
