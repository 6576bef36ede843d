"""Structured logs: JSON lines in production, readable lines on a terminal, always on stderr."""

import logging
import sys
from collections.abc import Sequence
from datetime import datetime

import structlog
from structlog.typing import Processor

_QUIET_LIBRARIES = ("apscheduler", "aiohttp.access", "aiosqlite", "asyncio", "httpcore2", "httpx2")
"""Those that would drown the rest, or, as aiosqlite does, write out every statement with all of its values."""
BUS_LIBRARY_LOGGER = "paho"


def configure(*, json: bool | None = None, level: str = "INFO") -> None:
    """Send every log line to stderr from `level` up; `json` None means JSON unless stderr is a terminal.

    Libraries that log through the standard library come out in the same form; raises ValueError on an unknown level.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_common(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_common(), processors=_rendering(as_json=as_json))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_level(level)


def set_level(level: str) -> None:
    """Let lines through from `level` up, from now on; raises ValueError on an unknown level."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    _quieten(debug=root.level <= logging.DEBUG)


def present_level() -> str:
    """Return the level from which on lines are let through."""
    return logging.getLevelName(logging.getLogger().level)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of one module; usable before `configure`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


class Details:
    """The debug lines of one module, which cost next to nothing while they are not wanted.

    Structlog makes a line before it asks whether anybody wants it, which takes 13 us instead of 0.5 (measured): too
    much for what happens with each message or attempt.
    """

    def __init__(self, name: str) -> None:
        """Write as the logger `name`."""
        self._plain = logging.getLogger(name)
        self._log = get_logger(name)

    @property
    def wanted(self) -> bool:
        """Whether lines are let through now; worth asking before something is made for one, or in a loop."""
        return self._plain.isEnabledFor(logging.DEBUG)

    def __call__(self, message: str, **fields: object) -> None:
        """Write a line: a constant message, and the ids by which it can be found."""
        if self._plain.isEnabledFor(logging.DEBUG):
            self._log.debug(message, **{name: _readable(value) for name, value in fields.items()})


def _readable(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _common() -> Sequence[Processor]:
    return (
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    )


def _rendering(*, as_json: bool) -> Sequence[Processor]:
    """Show where an error came from, never the values of variables: passwords and request bodies are among them."""
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if not as_json:
        return (strip, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback))
    # "event" means a provider's notice in this system, so the text of a line is its "message".
    return (
        strip,
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(),
    )


def _quieten(*, debug: bool) -> None:
    for name in _QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    # What the MQTT library reports is said better by shared.bus; its own words help only when debugging.
    logging.getLogger(BUS_LIBRARY_LOGGER).setLevel(logging.DEBUG if debug else logging.CRITICAL + 1)
