"""Connects the examples beside it to the broker, and again whenever the connection is lost.

It reads the variables that Leeward itself does: LEEWARD_MQTT_URL (mqtt://127.0.0.1:1883; mqtts:// for TLS, with user
and password where the broker asks for them), LEEWARD_MQTT_CA, _CERT and _KEY, and LEEWARD_TOPIC_PREFIX (leeward/v1).
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomqtt

PREFIX = os.environ.get("LEEWARD_TOPIC_PREFIX", "leeward/v1")
QOS = 1
_LONGEST_PAUSE = 30.0


def client(**more: Any) -> aiomqtt.Client:
    """Return a client of the broker that the environment names; `more` is handed on to aiomqtt."""
    place = urlsplit(os.environ.get("LEEWARD_MQTT_URL", "mqtt://127.0.0.1:1883"))
    secure = place.scheme == "mqtts"
    tls = aiomqtt.TLSParameters(
        ca_certs=os.environ.get("LEEWARD_MQTT_CA"),
        certfile=os.environ.get("LEEWARD_MQTT_CERT"),
        keyfile=os.environ.get("LEEWARD_MQTT_KEY"),
    )
    return aiomqtt.Client(
        place.hostname or "127.0.0.1",
        place.port or (8883 if secure else 1883),
        username=unquote(place.username) if place.username else None,
        password=unquote(place.password) if place.password else None,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_params=tls if secure else None,
        **more,
    )


async def stay_connected(live: Callable[[aiomqtt.Client], Awaitable[None]], **more: Any) -> None:
    """Live on one connection after the other. A refusal looks like a loss and is not tried hot, either."""
    pause = 1.0
    while True:
        try:
            async with client(**more) as connection:
                pause = 1.0
                await live(connection)
        except aiomqtt.MqttError as fault:
            sys.stderr.write(f"no connection to the broker: {fault}; again in {pause:g} s\n")
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
