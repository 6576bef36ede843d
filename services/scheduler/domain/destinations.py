"""Whom a job's secrets are shown to. Who changes that has to give them again: no edit sends a kept secret elsewhere."""

from urllib.parse import urlsplit

from services.scheduler.domain.actions import Call, HttpCall, OAuthClient, ServiceBusCall, StorageQueueCall
from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.secrets import SecretPlace

_PORTS = {"http": 80, "https": 443}


def place_of(collection_id: CollectionId, job: str, field: str, call: Call) -> SecretPlace:
    """Return the place of the secret at JSON path `field`, which is one of `call`'s."""
    return SecretPlace(collection_id=collection_id, job=job, field=field, destination=destination_of(call))


def destination_of(call: Call) -> str:
    """Return whom the secrets of a call are shown to: an origin, a storage account or a namespace, in lower case.

    With OAuth, the client and the audience of its tokens belong to it. `{host}` stands as it was written: where a job
    is moved to is not the caller's choice.
    """
    match call:
        case HttpCall(authentication=OAuthClient() as client):
            return " ".join((_origin(call.uri), client.tenant, client.client_id, client.audience))
        case HttpCall():
            return _origin(call.uri)
        case StorageQueueCall():
            return f"storage account {call.account}".lower()
        case ServiceBusCall():
            return f"namespace {call.namespace}".lower()
        case _:
            return "the broker"


def _origin(uri: str) -> str:
    parts = urlsplit(uri.lower())
    authority = parts.netloc
    if parts.scheme in _PORTS and authority.endswith(f":{_PORTS[parts.scheme]}"):
        authority = authority.rpartition(":")[0]
    return f"{parts.scheme}://{authority}"
