"""One JSON event as plain values, and what stands in it at a path."""

import json
from decimal import Decimal
from typing import Any, NoReturn


class RepeatedKey(ValueError):
    """An object names a key twice, so that nobody can tell which is meant."""


def tree(raw: bytes) -> Any:
    """Return an event as plain values; a number with a fraction or an exponent is a Decimal, never a float.

    Raises RepeatedKey, else ValueError or RecursionError for what is no JSON.
    """
    return json.loads(raw.decode(), object_pairs_hook=_each_once, parse_float=Decimal, parse_constant=_no_constant)


def value(event: Any, path: str) -> Any:
    """Return what stands at a path, None where nothing does."""
    found = event
    for step in path.split(".") if path else []:
        found = _step(found, step)
    return found


def plain(event: Any, paths: str | list[str] | None) -> str | int | Decimal | None:
    """Return the first text or number that stands at one of the paths, None where there is none."""
    for path in [paths] if isinstance(paths, str) else paths or []:
        found = value(event, path)
        if isinstance(found, str | int | Decimal) and not isinstance(found, bool):
            return found
    return None


def stands(event: Any, paths: str | list[str]) -> bool:
    """Tell whether anything at all stands at one of the paths, plain or not."""
    return any(value(event, path) is not None for path in ([paths] if isinstance(paths, str) else paths))


def _step(found: Any, step: str) -> Any:
    if isinstance(found, dict):
        return found.get(step)
    if isinstance(found, list) and step.lstrip("-").isdecimal() and -len(found) <= int(step) < len(found):
        return found[int(step)]
    return None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RepeatedKey
    return found


def _no_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")
