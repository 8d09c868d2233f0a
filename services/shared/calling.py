"""The one module that holds the HTTP client: what is fetched from elsewhere is fetched here."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from services.shared.errors import Unavailable

SECONDS: Final = 5.0
PIECE_SECONDS: Final = 10.0
PAGE_SECONDS: Final = 45.0
CALL_SECONDS: Final = 60.0
"""How long an act of the command line may take before it counts as lost."""

NOTHING: Final[Mapping[str, str]] = {}


class AnswerTooLarge(Unavailable):
    """The other side sends more than we are ready to read."""

    code = "answer_too_large"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers by their names in small letters, the body as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Tell whether the other side did what it was asked."""
        return httpx.codes.is_success(self.status)

    def json(self) -> Any:
        """Return the body's JSON. Raises ValueError where it has none."""
        return msgspec.json.decode(self.body)


class Caller:
    """Somebody who speaks to one address over kept connections; redirects are answers, never followed."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(
        self, method: str, path: str, *, token: str, body: bytes | None = None, headers: Mapping[str, str] = NOTHING
    ) -> Answer:
        """Send a request with a bearer token and return its answer. Raises Unavailable where none comes."""
        sent = {"Authorization": f"Bearer {token}", **headers}
        try:
            response = await self._client.request(method, path, content=body, headers=sent)
        except httpx.HTTPError:
            raise Unavailable("the server does not answer", code="server_unavailable") from None
        return _answer(response, response.content)


@asynccontextmanager
async def connected(address: str, *, at_once: int) -> AsyncIterator[Caller]:
    """Open a way to speak to an address, over so many connections at once at most."""
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    timeout = httpx.Timeout(CALL_SECONDS)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=timeout, follow_redirects=False) as client:
        yield Caller(client)


async def fetch_json(url: str) -> Any:
    """Return the JSON at an address of our settings. Raises Unavailable when it does not come whole within 5 s."""
    try:
        async with httpx.AsyncClient(timeout=SECONDS, follow_redirects=False) as client:
            response = await client.get(url)
            response.raise_for_status()
            return response.json()
    except (httpx.HTTPError, ValueError):
        raise Unavailable("the issuer of tokens does not answer", code="issuer_unavailable") from None


async def fetch_page(url: str, *, asked: Mapping[str, str], token: str | None, at_most: int) -> Answer:
    """Return what a provider's interface answers to a question, read as it comes and no further than `at_most` bytes.

    Compression is not asked for and not undone, redirects are not followed. Raises Unavailable when it does not come
    whole within 45 s, or stops for 10 s, and AnswerTooLarge.
    """
    headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        address = httpx.URL(url).copy_merge_params(dict(asked))
        async with (
            asyncio.timeout(PAGE_SECONDS),
            httpx.AsyncClient(timeout=PIECE_SECONDS, follow_redirects=False) as client,
            client.stream("GET", address, headers=headers) as response,
        ):
            return _answer(response, await _read(response, at_most=at_most))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
        raise Unavailable("the provider's interface does not answer", code="provider_unavailable") from None


async def _read(response: httpx.Response, *, at_most: int) -> bytes:
    pieces, size = [], 0
    async for piece in response.aiter_raw():
        size += len(piece)
        if size > at_most:
            raise AnswerTooLarge("the provider's interface sends more than this service takes")
        pieces.append(piece)
    return b"".join(pieces)


def _answer(response: httpx.Response, body: bytes) -> Answer:
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)
