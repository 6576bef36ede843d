"""Jobs with a canary in each field that holds a secret, as main action, as error action and as cancel request."""

import base64
from collections.abc import Callable

from tests.parts.canaries import Canaries, Json, Parrot
from tests.parts.pfx import a_pfx

NEVER: Json = {"retryType": "None"}
KINDS = (
    "basic",
    "refused TLS",
    "certificate",
    "oauth refused",
    "oauth granted",
    "signed",
    "storage queue",
    "bus queue",
    "bus topic",
    "bus amqp",
    "file",
    "variable",
)
STOPPED = ("basic", "oauth granted", "certificate", "signed", "storage queue", "bus queue")


class CanaryJobs:
    """Makes documents of jobs aimed at a parrot."""

    def __init__(self, canaries: Canaries, parrot: Parrot) -> None:
        self._canaries = canaries
        self._parrot = parrot

    def all(self) -> dict[str, Json]:
        """Return jobs by name: each kind fails as main action, is followed by the next one as error action, and has the
        one after that for a cancel request. Those that are stopped run on db-0 until it is cordoned.
        """
        triples = zip(KINDS, (*KINDS[1:], KINDS[0]), (*KINDS[2:], *KINDS[:2]), strict=True)
        documents = {
            f"fails-{number}": {
                **self._document(self.action(main, f"job {number}"), self.action(error, f"error {number}")),
                "maintenance": {"cancel": self.action(cancel, f"cancel {number}")},
            }
            for number, (main, error, cancel) in enumerate(triples)
        }
        stopped = {f"stopped-{number}": self._stopped(kind) for number, kind in enumerate(STOPPED)}
        works = {f"works-{kind}": self._document(self.action(kind, kind, ok=True)) for kind in ("basic", "signed")}
        queue = {"works-queue": self._document(self.action("storage queue", "queue", ok=True))}
        return {**documents, **works, **queue, **stopped}

    def _stopped(self, kind: str) -> Json:
        slow = self._document(self._http("slow", authentication=_shown("basic", lambda _: self._canaries.plant(kind))))
        cancel = self.action(kind, f"stopped {kind}")
        return {**slow, "placement": {"host": "db-0"}, "maintenance": {"inFlight": "Cancel", "cancel": cancel}}

    def action(self, kind: str, label: str, *, ok: bool = False) -> Json:
        """Return an action of a kind with fresh canaries, which fails unless it is `ok`."""

        def canary(field: str) -> str:
            return self._canaries.plant(f"{kind}, {field} ({label})")

        path = f"{'ok' if ok else 'fails'}/{kind.replace(' ', '-')}"
        match kind:
            case "storage queue":
                sas = f"sv=2019-02-02&sp=a&sig={canary('sasToken')}%3D"
                where = {"storageAccount": "okay1" if ok else "account1", "queueName": "orders"}
                return {"type": "StorageQueue", "queueMessage": {**where, "sasToken": sas, "message": "hello"}}
            case "bus queue" | "bus amqp":
                bus = self._bus(canary("sasKey"), "AMQP" if kind == "bus amqp" else "NetMessaging")
                return {"type": "ServiceBusQueue", "serviceBusQueueMessage": {**bus, "queueName": "orders"}}
            case "bus topic":
                bus = self._bus(canary("sasKey"), "NetMessaging")
                return {"type": "ServiceBusTopic", "serviceBusTopicMessage": {**bus, "topicPath": "orders/eu"}}
            case "signed":
                secret = base64.b64encode(canary("webhookSecret").encode().ljust(32, b"="))
                return self._http(path, webhookSecret=f"whsec_{secret.decode()}")
            case "certificate":
                shown = self._certificate(canary("password"), label)
                return self._http(path, f"https://127.0.0.1:{self._parrot.tls_port}", authentication=shown)
            case "refused TLS":
                shown = _shown(kind, canary)
                return self._http(path, f"https://127.0.0.1:{self._parrot.port}", authentication=shown)
            case _:
                return self._http(path, authentication=_shown(kind, canary))

    def _certificate(self, password: str, label: str) -> Json:
        pfx = a_pfx(password)
        self._canaries.mark(f"certificate, pfx ({label})", base64.b64decode(pfx)[60:90])
        return {"type": "ClientCertificate", "pfx": pfx, "password": password}

    def _http(self, path: str, origin: str | None = None, **more: object) -> Json:
        uri = f"{origin or f'http://127.0.0.1:{self._parrot.port}'}/{path}"
        return {"type": uri.partition(":")[0], "request": {"method": "POST", "uri": uri, "body": "hi", **more}}

    def _bus(self, key: str, transport: str) -> Json:
        shown = {"type": "SharedAccessKey", "sasKeyName": "sender", "sasKey": key}
        return {"authentication": shown, "namespace": "space1", "transportType": transport, "message": "hello"}

    def _document(self, action: Json, error: Json | None = None) -> Json:
        after = {} if error is None else {"errorAction": {**error, "retryPolicy": NEVER}}
        return {"action": {**action, "retryPolicy": NEVER, **after}}


def _shown(kind: str, canary: Callable[[str], str]) -> Json:
    match kind:
        case "oauth refused" | "oauth granted":
            tenant = "ok" if kind == "oauth granted" else "contoso.com"
            who = {"tenant": tenant, "clientId": "client-1", "audience": "https://api.test/"}
            return {"type": "ActiveDirectoryOAuth", "secret": canary("secret"), **who}
        case "file":
            return {"type": "Basic", "username": "me", "password": "secretref:file:password"}
        case "variable":
            return {"type": "Basic", "username": "me", "password": "secretref:env:CANARY_PASSWORD"}
        case _:
            return {"type": "Basic", "username": "me", "password": f'{canary("password")}+/ä "x'}
