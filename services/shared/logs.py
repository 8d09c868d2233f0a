"""Logs: one JSON object a line, on standard error. No personal data: no query, no body, no exception's text.

What goes wrong unexpectedly is logged once, at the edge: the exception's class, its SQLSTATE and constraint, and the
places in the code it passed through. A database's own message would repeat the value that it refused.
"""

import logging
import sys
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
from structlog.typing import Processor

from services.shared import database_errors

_OURS: Final = Path(__file__).resolve().parents[1]

log: Final[structlog.stdlib.BoundLogger] = structlog.get_logger("dp")


def configure(level: str) -> None:
    """Send every log line of this process, the libraries' warnings too, to standard error as JSON."""
    least = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_exception_text,
    ]
    as_json = structlog.processors.JSONRenderer(serializer=_as_json, default=str)
    structlog.configure(
        processors=[*shared, as_json],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, as_json],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(least, logging.WARNING), force=True)


def described(error: BaseException) -> dict[str, Any]:
    """Return an error's classes, SQLSTATE, constraint and places in the code; never its text."""
    chain = list(_chain(error))
    found: dict[str, Any] = {
        "error": [f"{type(link).__module__}.{type(link).__qualname__}" for link in chain],
        "sqlstate": next((state for link in chain if (state := database_errors.sqlstate_of(link))), None),
        "constraint": next((name for link in chain if (name := database_errors.constraint_of(link))), None),
        "places": [place for link in chain for place in _places(link)],
    }
    return {name: value for name, value in found.items() if value}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _places(error: BaseException) -> list[str]:
    """Return the places of ours that an exception passed through, and the last one whosever it is."""
    frames = [(Path(frame.filename), frame) for frame in traceback.extract_tb(error.__traceback__)]
    shown = [pair for pair in frames[:-1] if _is_ours(pair[0])] + frames[-1:]
    return [f"{'/'.join(file.parts[-3:])}:{frame.lineno} {frame.name}" for file, frame in shown]


def _is_ours(file: Path) -> bool:
    return file.is_relative_to(_OURS)


def _without_exception_text(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception that a library wants logged by what may be told of it."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event.update(described(error))
    if (record := event.get("_record")) is not None:
        record.exc_info = record.exc_text = None
    return event


def _as_json(event: Any, default: Callable[[Any], Any]) -> str:
    return orjson.dumps(event, default=default).decode()
