"""The one module that holds the HTTP client: what is fetched from elsewhere is fetched here."""

from typing import Any, Final

import httpx

from services.shared.web.errors import Unavailable

SECONDS: Final = 5.0


async def fetch_json(url: str) -> Any:
    """Return the JSON at an address of our settings. Raises Unavailable when it does not come whole within 5 s."""
    try:
        async with httpx.AsyncClient(timeout=SECONDS, follow_redirects=False) as client:
            response = await client.get(url)
            response.raise_for_status()
            return response.json()
    except (httpx.HTTPError, ValueError):
        raise Unavailable("the issuer of tokens does not answer", code="issuer_unavailable") from None
