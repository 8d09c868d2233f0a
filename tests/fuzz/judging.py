"""What an answer breaks of its document: a status, a media type or a body that is not in it."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import httpx
import jsonschema

from tests.fuzz.calls import Operation

_PROBLEMS: Final = "#/components/responses/"


class Judge:
    """Judges answers; the validator of each schema is made once."""

    def __init__(self) -> None:
        self._validators: dict[tuple[str, int, str], Any] = {}

    def broken(self, operation: Operation, answer: httpx.Response) -> Iterator[str]:
        """Yield in words what an answer breaks, without anything that was sent."""
        if answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            yield "500"
            return
        told = operation.told["responses"].get(str(answer.status_code))
        if told is None:
            yield f"{answer.status_code} is not in the document"
            return
        if "$ref" in told:
            told = operation.document["components"]["responses"][told["$ref"].removeprefix(_PROBLEMS)]
        content, media_type = told.get("content", {}), answer.headers.get("content-type", "").partition(";")[0]
        if not content:
            if answer.content:
                yield f"{answer.status_code} has a body"
        elif media_type not in content:
            yield f"{answer.status_code} is {media_type or 'of no media type'}"
        elif media_type.endswith("json"):
            yield from self._off_schema(operation, answer, content[media_type]["schema"])

    def _off_schema(self, operation: Operation, answer: httpx.Response, schema: dict[str, Any]) -> Iterator[str]:
        kind = answer.headers["content-type"]
        key = (operation.name, answer.status_code, kind)
        if key not in self._validators:
            whole = {**schema, "components": operation.document["components"]}
            self._validators[key] = jsonschema.Draft202012Validator(
                whole, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
            )
        for error in self._validators[key].iter_errors(json.loads(answer.content)):
            yield f"{answer.status_code} breaks its schema at /{'/'.join(str(step) for step in error.absolute_path)}"
