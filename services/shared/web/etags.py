"""Versions of a record as entity tags: `"3"` is version 3; an amendment must name the version it was made on."""

import re
from typing import Final

from starlette.responses import Response

from services.shared.errors import BadRequest
from services.shared.web.errors import PreconditionRequired

_TAG: Final = re.compile(r'"([1-9][0-9]{0,17})"')


def etag(version: int) -> str:
    """Return the entity tag of a version."""
    return f'"{version}"'


def answer(response: Response, version: int) -> None:
    """Tell the client which version it was shown."""
    response.headers["ETag"] = etag(version)


def version_of(if_match: str | None) -> int:
    """Return the version that an `If-Match` header names.

    Raises PreconditionRequired (428) without the header, BadRequest (400) where it is not one strong tag of ours.
    """
    if if_match is None:
        raise PreconditionRequired("send If-Match with the ETag of the version that you amend")
    if not (found := _TAG.fullmatch(if_match.strip())):
        raise BadRequest('If-Match must be one ETag of this record, such as "3"', code="malformed_if_match")
    return int(found[1])
