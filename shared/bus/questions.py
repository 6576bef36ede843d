"""Requests that wait for their replies: each may be answered by the one who was asked, and by nobody else. No I/O."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from shared.bus.publications import Delivery


class Question(msgspec.Struct, frozen=True):
    """A request under way: where its reply has to come, under which correlation data, and who waits for it."""

    answer_on: str
    correlation: bytes
    answer: asyncio.Future[bytes]


class Questions:
    """The requests of one process; replies come below its reply topic, on a level named for who was asked."""

    def __init__(self, reply_topic: str | None) -> None:
        """Without a reply topic nothing can be asked."""
        self._reply_topic = reply_topic
        self._open: dict[tuple[str, bytes], Question] = {}

    @property
    def filters(self) -> tuple[str, ...]:
        """What to subscribe to."""
        return () if self._reply_topic is None else (f"{self._reply_topic}/+",)

    @contextmanager
    def asked(self, answerer: str) -> Iterator[Question]:
        """Wait for an answer of `answerer` inside the block; raises ValueError without a reply topic."""
        if self._reply_topic is None:
            raise ValueError("a bus without a reply topic cannot make requests")
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        question = Question(f"{self._reply_topic}/{answerer}", secrets.token_bytes(16), answer)
        key = (question.answer_on, question.correlation)
        self._open[key] = question
        try:
            yield question
        finally:
            del self._open[key]

    def concerns(self, topic: str) -> bool:
        """Whether what comes on this topic is a reply to us."""
        return self._reply_topic is not None and topic.startswith(f"{self._reply_topic}/")

    def take(self, reply: Delivery) -> bool:
        """Hand a reply to who waits for it; False when nobody does, or not from there."""
        question = self._open.get((reply.topic, reply.correlation or b""))
        if question is not None and not question.answer.done():
            question.answer.set_result(reply.payload)
        return question is not None
