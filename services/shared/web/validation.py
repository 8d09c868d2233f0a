"""What pydantic found wrong with a request, told without a single submitted value."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

MOST_SHOWN: Final = 20
_MOST_STEPS: Final = 8
_BODY: Final = "body"
_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_OWN_WORDS: Final[Mapping[str, str]] = {
    "uuid_parsing": "Input should be a valid UUID",
    "uuid_type": "Input should be a valid UUID",
    "union_tag_invalid": "Input should be one of the kinds that the schema names",
    "extra_forbidden": "No such field",
    "json_invalid": "Not valid JSON",
    "date_parsing": "Input should be a valid date in the form YYYY-MM-DD",
    "date_from_datetime_parsing": "Input should be a valid date in the form YYYY-MM-DD",
    "datetime_parsing": "Input should be a valid date and time with its zone",
    "datetime_from_date_parsing": "Input should be a valid date and time with its zone",
}
_VALUE_ERROR: Final = "Value error, "


def broken_json(errors: Sequence[Mapping[str, Any]]) -> str | None:
    """Return what the parser said of a body that is no JSON at all, or None."""
    broken = next((error for error in errors if error["type"] == "json_invalid"), None)
    return None if broken is None else str(broken.get("ctx", {}).get("error", "Not valid JSON"))


def findings(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the first 20 errors as `{pointer, detail}`: a JSON pointer into the body, or a parameter's place."""
    return [{"pointer": pointer(error["loc"]), "detail": _detail(error)} for error in errors[:MOST_SHOWN]]


def how_many(errors: Sequence[Mapping[str, Any]]) -> str | None:
    """Return in words how many errors there are, where they are more than are shown."""
    return (
        f"{len(errors)} things are wrong in it; `errors` lists the first {MOST_SHOWN}."
        if len(errors) > MOST_SHOWN
        else None
    )


def pointer(loc: Sequence[str | int]) -> str:
    """Return `/weekly_gross_pence` for a field of the body, `query/limit` for a parameter.

    A name that the client made up is shown only where it looks like a field's; no more than eight steps are.
    """
    place, *steps = (loc or (_BODY,))[: _MOST_STEPS + 1]
    shown = [str(step) if isinstance(step, int) or _FIELD.fullmatch(step) else "?" for step in steps]
    return "".join(f"/{step}" for step in shown) if place == _BODY else "/".join([str(place), *shown])


def _detail(error: Mapping[str, Any]) -> str:
    return _OWN_WORDS.get(error["type"]) or str(error["msg"]).removeprefix(_VALUE_ERROR)
