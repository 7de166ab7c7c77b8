"""Structured logs: one JSON object a line, or readable lines for a terminal.

What looks like a secret is taken out here, wherever in a record it stands and whichever library
wrote it. Tracebacks name no local variables: those are where secrets live.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer

_SECRETS = re.compile(r"(?i)secret|password|authorization|assertion|(^|_)token$")
_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
_URL_PASSWORD = re.compile(r"(?<=://)([^:/@\s]+):[^@/\s]+@")


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return _SECRETS.search(key) is not None


def _cleaned(value: Any) -> Any:
    """A value without what looks like a secret."""
    if isinstance(value, str):
        if "eyJ" not in value and "://" not in value:  # hardly any has one, and it is asked often
            return value
        return _URL_PASSWORD.sub(r"\1:…@", _TOKEN.sub("…", value))
    if isinstance(value, Mapping):
        return {
            str(key): "…" if _is_secret(str(key)) else _cleaned(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _cleaned(str(value))


def _redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Takes out what looks like a secret, whoever put it in."""
    cleaned: MutableMapping[str, Any] = {
        key: value if key.startswith("_") else _cleaned({key: value})[key]
        for key, value in event.items()
    }
    return cleaned


def configure(service: str, *, console: bool) -> None:
    """Sends all logs of the process to standard error, also those of libraries."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if console:
        shared += [structlog.processors.format_exc_info, _redact]
        renderer: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    else:
        shared += [ExceptionRenderer(ExceptionDictTransformer(show_locals=False)), _redact]
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    libraries = logging.StreamHandler(sys.stderr)
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared[:-2]],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *shared[-2:],
                renderer,
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[libraries])
