"""Seals secrets so that they open at their own place only, and follows references (docs/secrets.md)."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

import msgspec
from cryptography.exceptions import InvalidTag

from services.scheduler.domain.callers import Scope
from services.scheduler.domain.collections import Collection
from services.scheduler.domain.secrets import REFERENCE, SealedSecret, Secret, SecretPlace
from services.scheduler.errors import InvalidInputError, SecretRefusedError, SecretUnavailableError
from services.scheduler.metrics import Metrics
from services.scheduler.vault.keys import KeyRing
from services.scheduler.vault.references import References

NONCE_BYTES = 12
"""96 random bits (NIST SP 800-38D §8.2.2): good for some 2^32 secrets under one key."""
_PURPOSE = "leeward secret 1"


class Vault:
    """The SecretKeeper of the scheduler."""

    def __init__(self, ring: KeyRing, references: References, metrics: Metrics) -> None:
        self._ring = ring
        self._references = references
        self._failures = metrics.secret_failures

    def seal(self, text: str, place: SecretPlace, collection: Collection) -> Secret:
        """See the port."""
        if not text.startswith(REFERENCE):
            return self._sealed(text, place)
        try:
            return self._references.read(text, Scope(collection.namespace, collection.name))
        except ValueError as fault:
            self._failures.labels("bad_reference").inc()
            raise InvalidInputError(place.field, str(fault)) from None

    def open(self, secret: Secret, place: SecretPlace) -> str:
        """See the port."""
        try:
            return self._opened(secret, place) if isinstance(secret, SealedSecret) else self._references.resolve(secret)
        except SecretUnavailableError as fault:
            self._failures.labels("unknown_key" if isinstance(secret, SealedSecret) else "missing").inc()
            raise SecretUnavailableError(f"{place.field}: {fault}") from None
        except SecretRefusedError as fault:
            self._failures.labels("refused").inc()
            raise SecretRefusedError(f"{place.field}: {fault}") from None

    def reseal(self, secret: Secret, place: SecretPlace) -> Secret:
        """Return a secret sealed under the key that seals now; a reference stays as it is. Raises as `open` does."""
        if not isinstance(secret, SealedSecret) or secret.key == self._ring.sealing():
            return secret
        return self._sealed(self.open(secret, place), place)

    def _sealed(self, text: str, place: SecretPlace) -> SealedSecret:
        key = self._ring.sealing()
        cipher = None if key is None else self._ring.find(key)
        if key is None or cipher is None:
            self._failures.labels("no_key").inc()
            why = "secrets cannot be kept here until LEEWARD_SECRET_KEYS_FILE is set; a reference can"
            raise InvalidInputError(place.field, why)
        nonce = os.urandom(NONCE_BYTES)
        box = nonce + cipher.encrypt(nonce, text.encode(), bound_to(place))
        return SealedSecret(key=key, box=urlsafe_b64encode(box).decode())

    def _opened(self, secret: SealedSecret, place: SecretPlace) -> str:
        cipher = self._ring.find(secret.key)
        if cipher is None:
            raise SecretUnavailableError(f"key {secret.key} is not in the keys file (LEEWARD_SECRET_KEYS_FILE)")
        try:
            box = urlsafe_b64decode(secret.box)
            return cipher.decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], bound_to(place)).decode()
        except (InvalidTag, Base64Error, ValueError):
            raise SecretRefusedError("the secret was sealed for another place, or is damaged: give it again") from None


def bound_to(place: SecretPlace) -> bytes:
    """Return what a secret is bound to (associated data): no two places have the same."""
    return msgspec.json.encode([_PURPOSE, place.collection_id, place.job.casefold(), place.field, place.destination])
