"""Keys, places and collections for tests of the vault."""

from datetime import UTC, datetime
from pathlib import Path

from services.scheduler.domain.collections import Collection, CollectionDefinition, CollectionId, Namespace
from services.scheduler.domain.secrets import SecretPlace
from services.scheduler.metrics import Metrics
from services.scheduler.vault.keys import KeyRing
from services.scheduler.vault.references import References
from services.scheduler.vault.vault import Vault
from shared.clock import Clock, SystemClock
from shared.keyfile import SealingKey

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOME = Namespace("00000000-0000-0000-0000-000000000000", "default")
PLACE = SecretPlace(
    collection_id=CollectionId(1),
    job="nightly",
    field="action.request.authentication.password",
    destination="https://api.test",
)


class Turned:
    """Seconds that go on when the test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def key(key_id: str, *, seals_from: datetime | None = None) -> SealingKey:
    """Return a key that can be told from others."""
    return SealingKey(id=key_id, secret=key_id.encode().ljust(32, b"."), seals_from=seals_from)


def collection(name: str = "payroll", *, of: Namespace = HOME, number: int = 1) -> Collection:
    """Return a collection without jobs."""
    return Collection(
        id=CollectionId(number),
        namespace=of,
        name=name,
        definition=CollectionDefinition(),
        created_at=NOON,
        updated_at=NOON,
    )


def references(folder: Path | None = None, opened: tuple[str, ...] = (), **environment: str) -> References:
    """Return what jobs of collections in HOME may refer to."""
    return References(folder, opened, environment, HOME)


def vault(*keys: SealingKey, what: References | None = None, clock: Clock | None = None) -> Vault:
    """Return a vault with these keys."""
    metrics = Metrics("0")
    return Vault(KeyRing(None, clock or SystemClock(), metrics, keys=keys), what or references(), metrics)
