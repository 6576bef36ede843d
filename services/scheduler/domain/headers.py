"""Header fields of what jobs send: which names there are, and which are never a job's to set."""

import re

FIELD_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A token (RFC 9110 §5.6.2)."""
OF_THE_WAY = frozenset(
    {
        "connection",
        "content-length",
        "forwarded",
        "host",
        "keep-alive",
        "metadata",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    }
)
"""Fields that say how a message travels (RFC 9110 §7.6.1, RFC 9112 §6), or how it came."""
_NO_PROPERTIES = OF_THE_WAY.union(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "brokerproperties",
        "content-encoding",
        "content-type",
        "date",
        "expect",
        "user-agent",
        "via",
    }
)
"""Beside those, what says something else of the request."""


def can_be_property(name: str) -> bool:
    """Whether a property of a message to Service Bus can have this name over HTTPS, where it is a header field."""
    return FIELD_NAME.fullmatch(name) is not None and name.lower() not in _NO_PROPERTIES
