"""What it means that the broker, or the way to it, says no: for now, or for good."""

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from shared.bus.credentials import CertificateRefusedError
from shared.bus.publications import BusSettingsError, PublicationRefusedError

FAILURE = 0x80
"""Reason codes from here on are refusals."""
# Answers of a broker that may be gone at the next attempt: unavailable, busy, shutting down, rate exceeded.
_PASSING_REFUSALS = frozenset({0x88, 0x89, 0x8B, 0x9F})
# Not authorised, bad topic, packet too large, retain and QoS not supported, payload format: it would say so again.
_LASTING_REFUSALS = frozenset({0x87, 0x90, 0x95, 0x99, 0x9A, 0x9B})
_TAKEN_OVER = 0x8E
_UNSPECIFIED = 0x80


def judge(code: ReasonCode) -> None:
    """Raise PublicationRefusedError when the broker would refuse again, MqttError when it may not the next time."""
    if code.value in _LASTING_REFUSALS:
        raise PublicationRefusedError(f"refused by the broker: {code}")
    if code.value >= FAILURE:
        raise aiomqtt.MqttError(f"not taken by the broker: {code}")


def refusal(fault: BaseException) -> str | None:
    """Return the broker's words when it does not want us, None when trying again soon may help."""
    if isinstance(fault, CertificateRefusedError):
        return str(fault)
    code = _code(fault)
    if code is None:
        return None
    refused = isinstance(fault, aiomqtt.exceptions.MqttConnectError) and code.value not in _PASSING_REFUSALS
    return str(code) if refused or code.value == _TAKEN_OVER else None


def reason(fault: BaseException) -> str:
    """Return why a connection ended, for people."""
    code = _code(fault)
    if code is not None:
        # What paho says of a connection that simply ended.
        return "connection lost" if code.value == _UNSPECIFIED else str(code)
    if isinstance(fault, TimeoutError) and not fault.args:
        return "the broker does not answer"
    return str(fault if isinstance(fault, BusSettingsError) else fault.__cause__ or fault)


def _code(fault: BaseException) -> ReasonCode | None:
    for candidate in (fault, fault.__cause__):
        code = getattr(candidate, "rc", None)
        if isinstance(code, ReasonCode):
            return code
    return None
