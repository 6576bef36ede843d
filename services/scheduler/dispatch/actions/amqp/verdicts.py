"""What an AMQP condition means for a message: final, or worth another try."""

from services.scheduler.dispatch.actions.delivery import UndeliveredError, told

FINAL_CONDITIONS = frozenset(
    {
        "amqp:decode-error",
        "amqp:frame-size-too-small",
        "amqp:invalid-field",
        "amqp:link:message-size-exceeded",
        "amqp:not-allowed",
        "amqp:not-found",
        "amqp:not-implemented",
        "amqp:precondition-failed",
        "amqp:unauthorized-access",
        "com.microsoft:argument-error",
        "com.microsoft:argument-out-of-range",
        "com.microsoft:auth-failed",
        "com.microsoft:entity-disabled",
        "com.microsoft:entity-already-exists",
        "com.microsoft:operation-not-supported",
        "com.microsoft:publisher-revoked",
    }
)
"""Conditions (AMQP 1.0 §2.8.15-18, and Service Bus's own) that stay until somebody changes something.

Every other one may pass: server-busy, timeout, resource-limit-exceeded (a full queue), internal-error, detach-forced.
"""


def failure_of(condition: str, description: str, *secrets: str) -> UndeliveredError:
    """Return the failure that a condition tells of."""
    said = told(description, *secrets)
    name = told(condition, *secrets) or "no reason given"
    return UndeliveredError(f"{name}: {said}" if said else name, retryable=condition not in FINAL_CONDITIONS)
