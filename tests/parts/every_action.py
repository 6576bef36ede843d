"""A document of an action of every kind, with every secret there is; no secret is like another."""

import base64
from typing import Any

from tests.parts.pfx import a_pfx

PASSWORD = "canary-basic-password"
PFX_PASSWORD = "canary-pfx-password"
OAUTH_SECRET = "canary-oauth-secret"
SAS_TOKEN = "sv=2019-02-02&sp=a&sig=canary-sas-token"
SAS_KEY = "canary-sas-key="
SIGNING = f"whsec_{base64.b64encode(b'canary-signing-secret-of-32-byte').decode()}"
URI = "https://api.test/tick"

BASIC = {"type": "Basic", "username": "me", "password": PASSWORD}
CERTIFICATE = {"type": "ClientCertificate", "pfx": a_pfx(PFX_PASSWORD), "password": PFX_PASSWORD}
OAUTH = {
    "type": "ActiveDirectoryOAuth",
    "secret": OAUTH_SECRET,
    "tenant": "contoso.com",
    "audience": "https://api.test/",
    "clientId": "client-1",
}
QUEUE = {"storageAccount": "account1", "queueName": "orders", "sasToken": SAS_TOKEN, "message": "hello"}
BUS = {
    "authentication": {"type": "SharedAccessKey", "sasKeyName": "sender", "sasKey": SAS_KEY},
    "namespace": "space1",
    "transportType": "NetMessaging",
    "message": "hello",
}
MQTT = {"topic": "plant/1/tick", "payload": "hello"}


def http(authentication: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return an action that makes a request."""
    request = {"uri": URI, "method": "POST", **more}
    return {"type": "Https", "request": {**request, **({"authentication": authentication} if authentication else {})}}


ACTIONS: dict[str, dict[str, Any]] = {
    "basic": http(BASIC),
    "certificate": http(CERTIFICATE),
    "oauth": http(OAUTH),
    "signed": http(webhookSecret=SIGNING),
    "storage queue": {"type": "StorageQueue", "queueMessage": QUEUE},
    "bus queue": {"type": "ServiceBusQueue", "serviceBusQueueMessage": {**BUS, "queueName": "orders"}},
    "bus topic": {"type": "ServiceBusTopic", "serviceBusTopicMessage": {**BUS, "topicPath": "orders/eu"}},
    "mqtt": {"type": "Mqtt", "mqttMessage": MQTT},
}
SECRETS = (PASSWORD, PFX_PASSWORD, CERTIFICATE["pfx"], OAUTH_SECRET, SAS_TOKEN, SAS_KEY, SIGNING)
SECRET_FIELDS = {
    "basic": ("request.authentication.password",),
    "certificate": ("request.authentication.pfx", "request.authentication.password"),
    "oauth": ("request.authentication.secret",),
    "signed": ("request.webhookSecret",),
    "storage queue": ("queueMessage.sasToken",),
    "bus queue": ("serviceBusQueueMessage.authentication.sasKey",),
    "bus topic": ("serviceBusTopicMessage.authentication.sasKey",),
    "mqtt": (),
}
"""Where the secrets of each kind are, below `action`."""
