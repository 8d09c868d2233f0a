"""Answers that are written already, on their way out."""

from typing import Any

from starlette.responses import Response

from services.shared.answers import Listed


def written(listed: Listed[Any]) -> Response:
    """Return the response that carries a page of a list as it was written."""
    return Response(listed.body, media_type="application/json")
