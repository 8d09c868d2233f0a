"""Bearer tokens: which issuers are trusted, with which keys, and whether a token holds.

Algorithms, issuer and audience come from the settings, never from the token; keys come from the issuer's published set.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import jwt
from jwt import PyJWK, PyJWKSet

from services.shared import calling
from services.shared.errors import Unavailable
from services.shared.web.errors import Unauthenticated

LEEWAY_SECONDS: Final = 10
LONGEST_TOKEN: Final = 16_384
KEYS_HOLD_SECONDS: Final = 3_600.0
UNKNOWN_KEY_COOLDOWN_SECONDS: Final = 30.0
FAILURE_COOLDOWN_SECONDS: Final = 5.0
REQUIRED: Final = ("exp", "iss", "aud", "sub")


class Keys(Protocol):
    """Where an issuer's public keys come from."""

    async def key(self, kid: str | None) -> PyJWK | None:
        """Return the signing key of this id (the only one where the token names none), or None."""
        ...


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer that is trusted: its name, our name as its audience, its algorithms and its keys."""

    name: str
    audience: str
    algorithms: Sequence[str]
    keys: Keys


@dataclass(slots=True)
class PublishedKeys:
    """The key set at an issuer's address, fetched when first needed, hourly, and on an unknown key (30 s apart).

    One request at a time asks for it; while there is none, an issuer that did not answer is left alone for 5 s.
    """

    url: str
    _keys: Mapping[str | None, PyJWK] = field(default_factory=dict)
    _tried_at: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def key(self, kid: str | None) -> PyJWK | None:
        """Return the key, from a set fetched within the hour; an old set serves while the issuer does not answer.

        Raises Unavailable (503) where there is no set at all.
        """
        wait = self._wait(kid)
        if time.monotonic() - self._tried_at > wait:
            await self._fetch(waited_for=wait)
        if not self._keys:
            raise Unavailable("the issuer of tokens gives us no usable keys", code="issuer_unavailable")
        return find(self._keys, kid)

    def _wait(self, kid: str | None) -> float:
        if not self._keys:
            return FAILURE_COOLDOWN_SECONDS
        return UNKNOWN_KEY_COOLDOWN_SECONDS if find(self._keys, kid) is None else KEYS_HOLD_SECONDS

    async def _fetch(self, *, waited_for: float) -> None:
        async with self._lock:
            if time.monotonic() - self._tried_at <= waited_for:
                return  # Somebody else tried while we waited.
            with suppress(Unavailable):
                self._keys = by_id(await calling.fetch_json(self.url))
            self._tried_at = time.monotonic()


def by_id(key_set: Any) -> Mapping[str | None, PyJWK]:
    """Return the signing keys of a published set by their ids. Raises Unavailable where it is no such set."""
    try:
        return {key.key_id: key for key in PyJWKSet.from_dict(key_set).keys if key.public_key_use in (None, "sig")}
    except (jwt.PyJWTError, AttributeError, TypeError, KeyError):
        raise Unavailable("the issuer of tokens publishes no usable keys", code="issuer_unavailable") from None


def find(keys: Mapping[str | None, PyJWK], kid: str | None) -> PyJWK | None:
    """Return the key of this id; without one, the only key there is."""
    return next(iter(keys.values())) if kid is None and len(keys) == 1 else keys.get(kid)


async def claims(token: str, *, issuers: Mapping[str, Issuer]) -> dict[str, Any]:
    """Return what a token says, once its signature, issuer, audience, subject and time are proved.

    Raises Unauthenticated (401) where any of it does not hold, without saying more than that.
    """
    if len(token) > LONGEST_TOKEN:
        raise Unauthenticated("the token is longer than any of ours", code="invalid_token")
    try:
        issuer = issuers[_unproved_issuer(token)]
        key = await issuer.keys.key(jwt.get_unverified_header(token).get("kid"))
        if key is None or key.algorithm_name not in issuer.algorithms:
            raise Unauthenticated("the token is signed with no key of its issuer", code="invalid_token")
        found: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(issuer.algorithms),
            audience=issuer.audience,
            issuer=issuer.name,
            leeway=LEEWAY_SECONDS,
            options={"require": list(REQUIRED)},
        )
    except jwt.ExpiredSignatureError:
        raise Unauthenticated("the token has expired", code="expired_token") from None
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        raise Unauthenticated("the token does not hold", code="invalid_token") from None
    if not found["sub"]:
        raise Unauthenticated("the token names nobody", code="invalid_token")
    return found


def _unproved_issuer(token: str) -> str:
    """Return whom a token names as its issuer: it only chooses the keys that the token must then be proved with."""
    said: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return str(said["iss"])
