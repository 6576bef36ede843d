"""Secrets of jobs: what a definition holds in place of their text, and what each one is bound to."""

from typing import NewType, Protocol

import msgspec

from services.scheduler.domain.callers import Scope
from services.scheduler.domain.collections import Collection, CollectionId

KeyId = NewType("KeyId", str)

REFERENCE = "secretref:"
"""How a text begins that names a secret instead of being one: `secretref:file:NAME`, `secretref:env:NAME`."""


class SealedSecret(msgspec.Struct, frozen=True, kw_only=True, tag="sealed"):
    """A text that only a holder of `key` can read; `box` is base64url of nonce and ciphertext (AES-GCM)."""

    key: KeyId
    box: str


class FileSecret(msgspec.Struct, frozen=True, kw_only=True, tag="file"):
    """The content of a file in the folder of collection `scope`, read anew for each attempt."""

    name: str
    scope: Scope


class EnvironmentSecret(msgspec.Struct, frozen=True, kw_only=True, tag="environment"):
    """The value of an environment variable of the scheduler that the operator has opened to collection `scope`."""

    name: str
    scope: Scope


Secret = SealedSecret | FileSecret | EnvironmentSecret
"""What stands in a definition; the text itself never does."""


class SecretPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a secret belongs. A sealed one opens at this place only.

    `field` is the JSON path in the job's document, such as `action.request.authentication.password`; `destination` is
    whom it is shown to, such as `https://api.test:8443`: who changes it has to give the secret again. The job's name
    counts without case.
    """

    collection_id: CollectionId
    job: str
    field: str
    destination: str


class SecretKeeper(Protocol):
    """Seals the texts that callers give, and opens them for a call."""

    def seal(self, text: str, place: SecretPlace, collection: Collection) -> Secret:
        """Return what stands for a text at a place in `collection`.

        A text that begins with REFERENCE becomes a reference to what the collection may use. Raises InvalidInputError
        naming the place's field when there is no key to seal with, or the reference cannot be one.
        """
        ...

    def open(self, secret: Secret, place: SecretPlace) -> str:
        """Return a secret's text.

        Raises SecretUnavailableError when its key, file or variable is not there now, SecretRefusedError when it does
        not belong to this place or may not be used by this job. Neither tells anything of the text.
        """
        ...
