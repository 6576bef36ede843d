"""Structured logs: JSON lines in production, readable lines on a terminal, always on stderr."""

import logging
import sys
from collections.abc import Sequence

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
    root.setLevel(level.upper())
    _quieten(debug=root.level <= logging.DEBUG)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of one module; usable before `configure`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


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
