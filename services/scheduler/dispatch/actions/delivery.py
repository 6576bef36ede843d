"""What became of a message: taken, or not taken and why, in the words of history."""

from collections.abc import Awaitable
from datetime import timedelta

from aiohttp import ClientError

from services.scheduler.dispatch.actions.faults import fault_of
from services.scheduler.dispatch.actions.targets import TargetDeniedError
from services.scheduler.dispatch.answers import Answer
from services.scheduler.errors import SecretRefusedError, SecretUnavailableError
from shared.errors import LeewardError

KEPT_CHARACTERS = 512
"""Characters of a target's own explanation that history keeps."""


class UndeliveredError(LeewardError):
    """A message that was not taken; the text says why, without a secret in it. The rest is as in `Answer`."""

    def __init__(
        self, why: str, *, retryable: bool, unheard: bool = False, retry_after: timedelta | None = None
    ) -> None:
        """Keep what the attempt's answer needs."""
        super().__init__(why)
        self.retryable = retryable
        self.unheard = unheard
        self.retry_after = retry_after


async def answer_of(delivering: Awaitable[None], sentence: str) -> Answer:
    """Wait for a delivery and return what came of it; `sentence` lacks its verb, such as `Message to queue 'q'`.

    ValueError is a message that cannot be sent as it is; a denied address is final; a target out of reach is not.
    """
    try:
        await delivering
    except UndeliveredError as error:
        return Answer(
            succeeded=False,
            retryable=error.retryable,
            unheard=error.unheard,
            retry_after=error.retry_after,
            message=f"{sentence} failed: {error}",
        )
    except SecretUnavailableError as error:
        return _failure(sentence, str(error), retryable=True)
    except (TargetDeniedError, ClientError, OSError) as error:
        fault = fault_of(error)
        return _failure(sentence, fault.why, retryable=fault.retryable, unheard=fault.unheard)
    except (SecretRefusedError, ValueError) as error:
        return _failure(sentence, str(error), retryable=False)
    return Answer(succeeded=True, retryable=True, message=f"{sentence} succeeded.")


def told(text: str, *secrets: str) -> str:
    """Return the first line of what a target says, printable and short; nothing if it repeats a secret."""
    line = text.strip().partition("\n")[0]
    if any(secret and secret in line for secret in secrets):
        return ""
    return "".join(sign if sign.isprintable() else " " for sign in line)[:KEPT_CHARACTERS].strip()


def _failure(sentence: str, why: str, *, retryable: bool, unheard: bool = False) -> Answer:
    return Answer(succeeded=False, retryable=retryable, unheard=unheard, message=f"{sentence} failed: {why}")
