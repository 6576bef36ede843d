"""What a test hears on the bus."""

import asyncio
from collections.abc import Callable

from shared.bus import Delivery


class Listener:
    """A handler that collects deliveries and lets a test wait for one."""

    def __init__(self) -> None:
        """Start with nothing heard."""
        self.deliveries: list[Delivery] = []
        self._arrived = asyncio.Condition()

    async def __call__(self, delivery: Delivery) -> None:
        """Take a delivery."""
        async with self._arrived:
            self.deliveries.append(delivery)
            self._arrived.notify_all()

    @property
    def payloads(self) -> list[bytes]:
        """All payloads in the order of arrival."""
        return [delivery.payload for delivery in self.deliveries]

    async def until(self, condition: Callable[[list[Delivery]], bool], *, seconds: float = 10) -> None:
        """Wait until what was heard satisfies the condition; raises TimeoutError that shows what was heard."""
        try:
            async with asyncio.timeout(seconds), self._arrived:
                await self._arrived.wait_for(lambda: condition(self.deliveries))
        except TimeoutError as fault:
            raise TimeoutError(f"heard only {self.deliveries}") from fault

    async def until_payload(self, payload: bytes, *, seconds: float = 10) -> Delivery:
        """Wait for a payload and return its first delivery."""
        await self.until(lambda heard: any(delivery.payload == payload for delivery in heard), seconds=seconds)
        return next(delivery for delivery in self.deliveries if delivery.payload == payload)

    def forget(self) -> None:
        """Start anew with nothing heard."""
        self.deliveries.clear()
