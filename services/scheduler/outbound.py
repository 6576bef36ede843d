"""Puts together what leaves the scheduler for targets: one speaker for each kind of action, behind one guard."""

from services.scheduler.dispatch.actions.callers import Callers
from services.scheduler.dispatch.actions.client_certificates import ClientCertificates
from services.scheduler.dispatch.actions.credentials import Credentials
from services.scheduler.dispatch.actions.exchange import Exchanges
from services.scheduler.dispatch.actions.http import HttpCaller
from services.scheduler.dispatch.actions.mqtt import MqttCaller
from services.scheduler.dispatch.actions.oauth import Tokens
from services.scheduler.dispatch.actions.posts import Posts
from services.scheduler.dispatch.actions.service_bus import ServiceBusCaller
from services.scheduler.dispatch.actions.storage_queue import StorageQueueCaller
from services.scheduler.dispatch.actions.targets import TargetGuard
from services.scheduler.dispatch.actions.trust import Trust
from services.scheduler.dispatch.actions.wires import open_wire
from services.scheduler.domain.actions import HttpCall, MqttCall, ServiceBusCall, StorageQueueCall
from services.scheduler.domain.secrets import SecretKeeper
from services.scheduler.settings import Settings
from services.scheduler.vault.pfx_files import PfxFiles
from shared.bus import Publisher, unguessable
from shared.clock import Clock
from shared.topics import Topics


class Outbound:
    """Makes the speakers; each has connections of its own, all are made by the same guard and trust."""

    def __init__(self, settings: Settings, clock: Clock, secrets: SecretKeeper, pfx_files: PfxFiles) -> None:
        """`settings` have looked at the file of authorities; raises OSError if it has gone since."""
        self._settings = settings
        self._clock = clock
        self._secrets = secrets
        self._pfx_files = pfx_files
        self._guard = TargetGuard(settings.denied, settings.targets_allow)
        self._trust = Trust(settings.targets_ca)

    def callers(self, topics: Topics) -> Callers:
        """Return the caller of every kind of action; `topics` are Leeward's own, which no action may write to."""
        return Callers(
            {
                HttpCall: self._http(),
                StorageQueueCall: self._storage_queues(),
                ServiceBusCall: self._service_bus(),
                MqttCall: MqttCaller(self._publisher(), topics),
            }
        )

    def _exchanges(self) -> Exchanges:
        return Exchanges(self._guard, trust=self._trust.context())

    def _http(self) -> HttpCaller:
        exchanges = self._exchanges()
        certificates = ClientCertificates(self._trust, self._clock, self._pfx_files)
        tokens = Tokens(exchanges, self._settings.oauth_authority, self._clock)
        return HttpCaller(exchanges, Credentials(self._secrets, certificates, tokens), self._clock)

    def _storage_queues(self) -> StorageQueueCaller:
        return StorageQueueCaller(Posts(self._exchanges(), self._clock), self._settings.storage_queues, self._secrets)

    def _service_bus(self) -> ServiceBusCaller:
        amqps = self._settings.service_bus_amqp
        return ServiceBusCaller(
            Posts(self._exchanges(), self._clock),
            open_wire(self._guard, amqps, self._trust.context(), self._clock, container=unguessable("leeward")),
            https=self._settings.service_bus,
            amqps=amqps,
            keeper=self._secrets,
            clock=self._clock,
        )

    def _publisher(self) -> Publisher:
        name = f"leeward-actions-{self._settings.replica}"
        return Publisher(self._settings.actions_bus, client_id=unguessable(name))
