"""Structured logs: one JSON object a line, or readable lines for a terminal."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRETS = re.compile(r"(?i)secret|password|authorization|assertion|(^|_)token$")
_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
_URL_PASSWORD = re.compile(r"(?<=://)([^:/@\s]+):[^@/\s]+@")


def _redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Takes out what looks like a secret, whoever put it in."""
    for key, value in event.items():
        if _SECRETS.search(key):
            event[key] = "…"
        elif isinstance(value, str):
            event[key] = _URL_PASSWORD.sub(r"\1:…@", _TOKEN.sub("…", value))
    return event


def configure(service: str, *, console: bool) -> None:
    """Sends all logs of the process to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.dict_tracebacks,
        _redact,
    ]
    if console:
        shared = [*shared[:3], structlog.processors.format_exc_info, _redact]
        renderer: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    else:
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format=f'{{"service": "{service}", "level": "%(levelname)s", "logger": "%(name)s", '
        '"event": "%(message)s"}',
    )
