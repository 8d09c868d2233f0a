"""Values for a schema of an OpenAPI document: such as it allows, with what is on record put in, and hostile ones."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from tests.fuzz.known import Known

HOSTILE: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    1.5,
    2**31,
    2**63,
    -(2**63) - 1,
    10**40,
    1e308,
    "",
    " ",
    "a" * 300,
    "é" * 2_100,
    "\x00",
    "a\x00b",
    "\u2028",
    "\ud800",
    "\U0010ffff",
    "' OR 1=1 --",
    "%",
    "\\",
    "Infinity",
    "-infinity",
    "NaN",
    "1_000",
    "0001-01-01",
    "9999-12-31",
    "10000-01-01",
    "2026-02-30",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "00000000-0000-0000-0000-000000000000",
    [],
    [[]] * 3,
    {},
    {"a": {"a": {"a": {}}}},
)
_TEXTS: Final = ("4321", "a", "north", "LX1 1AA", "example_code", "Moved away for good", "Ada Example", "month")
_TODAY: Final = date.today()  # noqa: DTZ011 (which zone's day it is does not matter here)
_SHARE_KNOWN: Final = 0.6
_SHARE_LEFT_OUT: Final = 0.3


class Values:
    """Makes values from the schemas of one document."""

    def __init__(self, random: Random, document: Mapping[str, Any], known: Known) -> None:
        self._random = random
        self._document = document
        self._known = known

    def allowed(self, schema: Mapping[str, Any], *, name: str = "") -> Any:
        """Return a value that a schema allows, as far as it says; `name` is of the field or parameter it is for."""
        schema = self._resolved(schema)
        if (kept := self._known.one_of(name)) is not None and self._random.random() < _SHARE_KNOWN:
            return kept
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            return self.allowed(self._random.choice(choices), name=name)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        kind = schema.get("type")
        if kind == "object" or "properties" in schema:
            return self._object(schema)
        if kind == "array":
            count = self._random.randint(schema.get("minItems", 0), 3)
            return [self.allowed(schema.get("items", {}), name=name.removesuffix("s")) for _ in range(count)]
        return self._plain(schema, kind)

    def mutated(self, value: Any) -> Any:
        """Return a value with something hostile in it: in place of a part, under a new name, or of the whole."""
        if isinstance(value, dict) and value and self._random.random() < 0.9:
            name = self._random.choice(list(value))
            changed = dict(value)
            match self._random.randrange(4):
                case 0:
                    del changed[name]
                case 1:
                    changed[self._random.choice(("extra", "é" * 90, "\x00", name + "x"))] = self.hostile()
                case _:
                    changed[name] = self.mutated(value[name])
            return changed
        if isinstance(value, list) and value and self._random.random() < 0.7:
            return [self.mutated(item) for item in value] * self._random.choice((1, 1, 1, 400))
        return self.hostile()

    def hostile(self) -> Any:
        """Return a value that few fields take."""
        return self._random.choice(HOSTILE)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            found: Any = self._document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        return schema

    def _object(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        required = schema.get("required", ())
        return {
            name: self.allowed(part, name=name)
            for name, part in schema.get("properties", {}).items()
            if name in required or self._random.random() > _SHARE_LEFT_OUT
        }

    def _plain(self, schema: Mapping[str, Any], kind: str | None) -> Any:
        if kind == "integer":
            least, most = int(schema.get("minimum", 0)), int(schema.get("maximum", 10**6))
            return self._random.choice((least, most, self._random.randint(least, most), min(most, least + 5)))
        if kind == "boolean":
            return self._random.random() < 0.5
        if kind == "string":
            return self._text(schema)
        return None if kind == "null" else 1.5

    def _text(self, schema: Mapping[str, Any]) -> str:
        form = schema.get("format")
        if form == "uuid":
            return str(UUID(int=self._random.getrandbits(128)))
        if form == "date":
            return str(_TODAY - timedelta(days=self._random.choice((-400, -1, 0, 1, 30, 400, 9_000))))
        if form == "date-time":
            return f"{_TODAY}T10:30:00Z"
        pattern, shortest, longest = schema.get("pattern", ""), schema.get("minLength", 0), schema.get("maxLength", 200)
        fitting = [text for text in _TEXTS if re.search(pattern, text) and shortest <= len(text) <= longest]
        texts: list[str] = [*fitting, "x" * max(1, shortest), "x" * longest]
        return self._random.choice(texts)
