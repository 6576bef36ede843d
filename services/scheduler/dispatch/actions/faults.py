"""Why no answer came: in words that say what to do, and whether the same request may get one later."""

import ssl

import msgspec
from aiohttp import ClientConnectorCertificateError, ClientConnectorError, ClientError

from services.scheduler.dispatch.actions.exchange import CONNECT_SECONDS, StaleConnectionError
from services.scheduler.dispatch.actions.targets import TargetDeniedError, denied_in

REQUEST_FAULTS = (TargetDeniedError, ClientError, OSError, ValueError)
"""What `Exchanges.ask` raises."""
_UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
"""OpenSSL's codes for a chain that ends at nobody who is trusted, self-signed certificates included."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What a request came to; fields as in `Answer`."""

    why: str
    retryable: bool
    unheard: bool = False


def fault_of(error: Exception) -> Fault:
    """Read what `Exchanges.ask` raised.

    Final is what another try of the same job cannot change: a denied address, a request that is none. A certificate
    may be renewed and a name appear in DNS, so these are tried again.
    """
    denied = denied_in(error)
    if denied is not None:
        return Fault(why=str(denied), retryable=False)
    if isinstance(error, ClientConnectorCertificateError):
        return Fault(why=f"the target's certificate was not accepted: {_refusal(error)}", retryable=True)
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return Fault(why=f"not a valid request: {error}", retryable=False)
    return Fault(why=_words(error), retryable=True, unheard=isinstance(error, StaleConnectionError))


def _refusal(error: ClientConnectorCertificateError) -> str:
    cause = error.certificate_error
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return str(cause)
    words = cause.verify_message.rstrip(".")
    hint = " (LEEWARD_TARGETS_CA names a file of further authorities)"
    return words + hint if cause.verify_code in _UNKNOWN_AUTHORITY else words


def _words(error: Exception) -> str:
    cause = error.os_error if isinstance(error, ClientConnectorError) else error.__cause__ or error
    if isinstance(cause, ssl.SSLError) and cause.reason:
        return f"TLS failed: {cause.reason.replace('_', ' ').lower()}"
    if isinstance(error, TimeoutError):
        return f"no connection within {CONNECT_SECONDS} s"
    if isinstance(error, ClientConnectorError) and not error.os_error.strerror:
        return "the connection was closed while it was being made"
    return str(error) or type(error).__name__
