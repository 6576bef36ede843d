"""The bus as far as a simulated scheduler needs it: nobody reads it, and watchers answer when asked to approve."""

from collections.abc import Callable

from shared.bus import Publication, ReplyTimeoutError
from shared.messages import ApproveCommand, ApproveReply, decode, encode
from shared.topics import HostKey


class SimulatedBus:
    """Takes everything and keeps nothing; `approve` is the watchers' way to Azure, None where no answer comes."""

    def __init__(self, approve: Callable[[HostKey, str], bool | None]) -> None:
        self._approve = approve

    def is_read(self, _topic: str) -> bool:
        """Say that nobody listens, so that no message is made."""
        return False

    def offer(self, _publication: Publication) -> bool:
        """Take a message."""
        return True

    def keep(self, topic: str, payload: bytes) -> None:
        """Take retained state."""

    def clear(self, topic: str) -> None:
        """Forget retained state."""

    async def settled(self, timeout: float) -> bool:
        """Say at once that all retained state was heard."""
        return True

    async def request(self, topic: str, payload: bytes, *, answerer: str, timeout: float) -> bytes:
        """Ask a watcher to approve. Raises ReplyTimeoutError when its VM is not up."""
        event_id = decode(payload, ApproveCommand).event_id
        known = self._approve(HostKey(answerer), event_id)
        if known is None:
            raise ReplyTimeoutError(f"{answerer} does not answer")
        return encode(ApproveReply(event_id=event_id, status=200 if known else 400))
