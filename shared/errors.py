"""The root of every error Leeward raises on purpose."""


class LeewardError(Exception):
    """Something the caller, the operator or the outside world must know; the message names the thing."""


class TransientError(LeewardError):
    """May go away by itself: the same call can succeed later."""


class PermanentError(LeewardError):
    """Will fail again until somebody changes something."""
