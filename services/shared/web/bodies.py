"""JSON bodies, read strictly: no duplicate key, no NaN, no unknown field, no `true` for 1 and no text for a number."""

import inspect
import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Final, NoReturn, get_args

from pydantic import ValidatorFunctionWrapHandler, WrapValidator
from starlette.requests import Request

from services.shared.values.bodies import RequestBody

_START: Final = 0
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


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    found = JsonObject(pairs)
    if len(found) != len(pairs):
        raise json.JSONDecodeError("Duplicate key", "", _START)
    return found


def _no_constant(_: str) -> NoReturn:
    raise json.JSONDecodeError("NaN and Infinity are not JSON", "", _START)
