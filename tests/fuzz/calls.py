"""Calls of the operations in the documents: whom, what, with which values, in every role."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from services.shared.identity.roles import Role
from tests.builders import deliveries
from tests.fuzz.known import Known
from tests.fuzz.values import Values

BROKEN: Final = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"\xff\xfe",
    b'"\\ud800"',
    b'{"a":1,"a":2}',
    b'{"a":NaN}',
    b"[" * 5_000,
    b'{"reason":' + b"9" * 5_000 + b"}",
    b'{"reason":"\\u0000"}',
    b"{" + b",".join(b'"k%d":1' % key for key in range(12_000)) + b"}",
    b'{"reason":"' + b"x" * 600_000 + b'"}',
)
_BAD_HEADERS: Final = (b"", b"\xff\xfe", b'"' + b"9" * 30 + b'"', b"*", b"a" * 9_000, b"\x7f", b'W/"1"', b"-1")
_BAD_PATHS: Final = ("%00", "%ED%A0%80", "%2e%2e%2f", "a" * 500, "%FF", "0", "\u00e9")
_BAD_QUERY: Final = ("%00", "%ED%A0%80", "WzFd", "Infinity", "9" * 400, "", "0001-01-01", "9999-12-31", "10000-01-01")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, with the document that it stands in."""

    service: str
    method: str
    path: str
    document: Mapping[str, Any] = field(repr=False)
    told: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """The operation's id."""
        return str(self.told["operationId"])


@dataclass(frozen=True, slots=True)
class Call:
    """One call, ready to be sent."""

    operation: Operation
    role: Role
    url: str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes | None


def operations(documents: Mapping[str, Mapping[str, Any]]) -> list[Operation]:
    """Return every operation of the documents."""
    return [
        Operation(service, method.upper(), path, document, told)
        for service, document in documents.items()
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]


class Calls:
    """Makes calls, the same ones of the same seed as far as the answers are the same."""

    def __init__(self, random: Random, known: Known, *, secret: str) -> None:
        self._random = random
        self._known = known
        self._secret = secret

    def of(self, operation: Operation) -> Call:
        """Return a call: most are whole, some are hostile in one place, a few are nonsense."""
        values = Values(self._random, operation.document, self._known)
        roles = operation.told["x-roles"] if self._random.random() < 0.9 else list(Role)
        wound = self._random.choice(("none", "none", "none", "path", "query", "headers", "body", "body", "body"))
        body = self._body(operation, values, is_wounded=wound == "body")
        headers = [*self._headers(operation, values, is_wounded=wound == "headers"), *self._kind(operation, body)]
        if operation.name in ("deliver_feed", "try_feed") and body is not None and self._random.random() < 0.8:
            headers = [*self._kind(operation, body), *self._signature(body)]
        url = self._url(operation, values, wound=wound)
        return Call(operation, Role(self._random.choice(roles)), url, headers, body)

    def _url(self, operation: Operation, values: Values, *, wound: str) -> str:
        path, query = operation.path, []
        for parameter in operation.told.get("parameters", []):
            name, is_needed = parameter["name"], parameter.get("required", False)
            text = _text(values.allowed(parameter["schema"], name=name))
            if parameter["in"] == "path":
                is_bad = wound == "path" and self._random.random() < 0.7
                path = path.replace(f"{{{name}}}", self._random.choice(_BAD_PATHS) if is_bad else quote(text, safe=""))
            elif parameter["in"] == "query" and (is_needed or self._random.random() < 0.4):
                is_bad = wound == "query" and self._random.random() < 0.7
                query.append(f"{name}={self._random.choice(_BAD_QUERY) if is_bad else quote(text, safe='')}")
        return f"{path}?{'&'.join(query)}" if query else path

    def _headers(self, operation: Operation, values: Values, *, is_wounded: bool) -> Iterator[tuple[bytes, bytes]]:
        for parameter in operation.told.get("parameters", []):
            if parameter["in"] != "header":
                continue
            name = parameter["name"]
            if is_wounded:
                value = self._random.choice(_BAD_HEADERS)
            elif name == "Idempotency-Key":
                value = str(UUID(int=self._random.getrandbits(128))).encode()
            elif name == "if-match":
                value = b'"%d"' % (self._known.one_of(name) or 1)
            elif parameter.get("required", False):
                value = _text(values.allowed(parameter["schema"], name=name)).encode("latin-1", "ignore")
            else:
                continue
            yield name.encode(), value
        if self._random.random() < 0.1:
            yield b"accept", self._random.choice((b"text/csv", b"*/*", b"\xff", b"application/json"))

    def _body(self, operation: Operation, values: Values, *, is_wounded: bool) -> bytes | None:
        content = operation.told.get("requestBody", {}).get("content", {})
        if not content:
            return None
        if operation.name in ("deliver_feed", "try_feed", "upload_feed_file"):
            return self._rows(values, is_wounded=is_wounded)
        if is_wounded and self._random.random() < 0.15:
            return self._random.choice(BROKEN)
        made = values.allowed(content["application/json"]["schema"])
        return json.dumps(values.mutated(made) if is_wounded else made).encode()

    def _rows(self, values: Values, *, is_wounded: bool) -> bytes:
        card = self._known.one_of("provider_card_ref") or "CARD-1"
        number = self._random.randrange(1_000)
        rows: list[Any] = [deliveries.an_event(f"fuzz-{number}-{row}", card_ref=card) for row in range(3)]
        if is_wounded:
            rows = [values.mutated(row) for row in rows]
        return b"".join(json.dumps(row).encode() + b"\n" for row in rows)

    def _kind(self, operation: Operation, body: bytes | None) -> list[tuple[bytes, bytes]]:
        kinds = list(operation.told.get("requestBody", {}).get("content", {}))
        if body is None or not kinds:
            return []
        if "application/x-ndjson" in kinds and self._random.random() < 0.8:
            return [(b"content-type", b"application/x-ndjson")]
        return [(b"content-type", self._random.choice(kinds).encode())]

    def _signature(self, body: bytes) -> list[tuple[bytes, bytes]]:
        sent = f"fuzz-{self._random.randrange(10**9)}"
        signed = deliveries.signed(body, secret=self._secret, delivery_id=sent, at=datetime.now(UTC))
        return [(name.encode(), value.encode()) for name, value in signed.items()]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_text(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
