"""From a queue message's document to its call: names of accounts and queues, tokens, what a queue holds."""

import re

from msgspec.structs import replace

from services.scheduler.api.schemas.actions import QueueMessageDocument
from services.scheduler.api.schemas.ground import UNSEALED, Ground
from services.scheduler.api.schemas.texts import check_bytes, check_shape
from services.scheduler.api.schemas.values import SecretText
from services.scheduler.domain.actions import StorageQueueCall
from services.scheduler.domain.queue_texts import check_text, sas_token
from services.scheduler.domain.secrets import REFERENCE
from services.scheduler.errors import InvalidInputError

MAX_MESSAGE_BYTES = 64 * 1024

_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_QUEUE = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(?:-[a-z0-9]+)*")


def read_storage(document: QueueMessageDocument, written: str, field: str, ground: Ground) -> StorageQueueCall:
    """Return the call of the message at JSON path `field`, its token sealed. Raises InvalidInputError."""
    check_shape(
        document.storage_account,
        f"{field}.storageAccount",
        _ACCOUNT,
        "is no storage account: 3 to 24 lower-case letters and digits, the account's name alone",
    )
    check_shape(
        document.queue_name,
        f"{field}.queueName",
        _QUEUE,
        "is no queue: 3 to 63 lower-case letters, digits and single hyphens, a letter or digit at both ends",
    )
    _check_message(document.message, f"{field}.message")
    _check_token(document.sas_token, f"{field}.sasToken")
    call = StorageQueueCall(
        written=written,
        account=document.storage_account,
        queue=document.queue_name,
        sas=UNSEALED,
        message=document.message,
    )
    return replace(call, sas=ground.need(document.sas_token, f"{field}.sasToken", call))


def _check_message(message: str, field: str) -> None:
    check_bytes(message, field, MAX_MESSAGE_BYTES, "a queue takes no more")
    try:
        check_text(message)
    except ValueError as fault:
        raise InvalidInputError(field, str(fault)) from fault


def _check_token(token: SecretText | None, field: str) -> None:
    if token is None or token.held is not None or token.text.startswith(REFERENCE):
        return
    try:
        sas_token(token.text)
    except ValueError as fault:
        raise InvalidInputError(field, str(fault)) from fault
