"""JSON bodies, read strictly: no duplicate key, no NaN, no unknown field, no `true` for 1 and no text for a number."""

import inspect
import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Final, NoReturn, get_args

from pydantic import ValidatorFunctionWrapHandler, WrapValidator
from starlette.requests import Request

from services.shared.values.bodies import RequestBody

MOST_PARTS: Final = 10_000
"""Keys and items, each counted by its colon or comma: ten times what the longest list of ours has."""
MOST_LEVELS: Final = 20
_START: Final = 0
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}:,]', re.DOTALL)
"""A text, whole or broken off, which is passed over, or a mark that counts; each byte is looked at once."""
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class JsonObject(dict[str, Any]):
    """A JSON object that still knows the bytes it was read from."""

    raw: bytes = b""


class StrictRequest(Request):
    """A request whose JSON body is refused (400) where the standard library would wave it through."""

    async def json(self) -> Any:
        """Return the body's JSON. Raises json.JSONDecodeError, which the frame answers with 400."""
        if not hasattr(self, "_json"):
            self._json = loads(await self.body())
        return self._json


def read_from_bytes(endpoint: Callable[..., Any]) -> None:
    """Have an endpoint's request model (or one that may be left out) read from the body's bytes; the framework hands on
    what `json` made of them.
    """
    asked = inspect.signature(endpoint)
    strictly = asked.replace(parameters=[_strictly(each) for each in asked.parameters.values()])
    setattr(endpoint, "__signature__", strictly)  # noqa: B010 (no function's type has the attribute that Python reads)


def _strictly(parameter: inspect.Parameter) -> inspect.Parameter:
    found = [each for each in (parameter.annotation, *get_args(parameter.annotation)) if _is_model(each)]
    if not found:
        return parameter
    model: type[RequestBody] = found[0]

    def from_bytes(value: Any, as_python: ValidatorFunctionWrapHandler) -> Any:
        return model.model_validate_json(value.raw) if isinstance(value, JsonObject) else as_python(value)

    return parameter.replace(annotation=Annotated[parameter.annotation, WrapValidator(from_bytes)])


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, RequestBody)


def loads(raw: bytes) -> Any:
    """Return the JSON value in these bytes; an object keeps the bytes.

    Raises json.JSONDecodeError for anything but RFC 8259 JSON in UTF-8 whose objects name each key once.
    """
    _refuse_large(raw)
    if _NUL.search(raw):  # PostgreSQL stores no NUL in text.
        raise json.JSONDecodeError("NUL character", "", _START)
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise json.JSONDecodeError("Not UTF-8", "", _START) from None
    except RecursionError:
        raise json.JSONDecodeError("Nested too deeply", "", _START) from None
    except json.JSONDecodeError as error:
        raise json.JSONDecodeError(error.msg, "", _START) from None
    except ValueError:  # An integer of more digits than Python reads.
        raise json.JSONDecodeError("Number too long", "", _START) from None
    if isinstance(found, JsonObject):
        found.raw = raw
    return found


def _refuse_large(raw: bytes) -> None:
    """Raise json.JSONDecodeError for JSON of more keys, items or levels than any request of ours has, before parsing.

    Counted with what stands within texts first, since that is fast and hardly ever too much.
    """
    if raw.count(b":") + raw.count(b",") <= MOST_PARTS and raw.count(b"{") + raw.count(b"[") <= MOST_LEVELS:
        return
    parts = depth = 0
    for token in _TOKEN.finditer(raw):
        mark = token[0]
        if mark in (b"{", b"["):
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
        elif mark in (b":", b","):
            parts += 1
        if depth > MOST_LEVELS:
            raise json.JSONDecodeError("Nested too deeply", "", _START)
        if parts > MOST_PARTS:
            raise json.JSONDecodeError("Too many keys or items", "", _START)


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    found = JsonObject(pairs)
    if len(found) != len(pairs):
        raise json.JSONDecodeError("Duplicate key", "", _START)
    return found


def _no_constant(_: str) -> NoReturn:
    raise json.JSONDecodeError("NaN and Infinity are not JSON", "", _START)
