"""From a token to an actor: roles, staff number, teams and provider, as Microsoft Entra ID and Keycloak write them.

A provider's machine may show a client certificate instead.

A person is one staff number, whatever accounts they hold: the token's own claim, else our register of log-ins. A token
is proved again every 60 s, so that whoever has left, and whoever's key the issuer has withdrawn, is refused by then.
"""

import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import func, select

from services.shared import clock
from services.shared.database import Database
from services.shared.identity.actor import MACHINE_PREFIX, Actor
from services.shared.identity.roles import TEAM_BOUND, Role
from services.shared.settings.installation import Settings
from services.shared.tables.staff import StaffLogin, StaffMember, StaffTeam
from services.shared.values import staff_numbers
from services.shared.web import certificates, dev_issuer, tokens
from services.shared.web.errors import Unauthenticated, UnknownBearer

STANDING_HOLDS_SECONDS: Final = 60.0
MOST_REMEMBERED: Final = 10_000
MOST_CHARACTERS: Final = 200
UNKNOWN_PREFIX: Final = "unknown:"
CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
"""A provider's code; without a colon, so that nobody is taken for another machine of ours."""
_SCHEME: Final = "bearer "
_SHOWN_OF_FINGERPRINT: Final = 16
_ROLES: Final[Mapping[str, Role]] = {role.value: role for role in Role}


class _Known(NamedTuple):
    """What is remembered of a token that was proved: its actor, for a minute at most."""

    actor: Actor
    fresh_until: float


class Standing(NamedTuple):
    """What our own register says of a person."""

    staff_number: str
    is_active: bool | None
    teams: frozenset[str]


ProviderOf: TypeAlias = Callable[[Database, bytes], Awaitable[str | None]]
"""Returns the provider whose live client certificate has this SHA-256, None where it is nobody's."""


class Actors:
    """Who bears a token; what is proved once is remembered by the token's SHA-256, never by the token.

    A service that keeps providers' certificates says by `provider_of` whose one is; elsewhere none opens anything.
    """

    def __init__(self, settings: Settings, database: Database, *, provider_of: ProviderOf | None = None) -> None:
        self._settings = settings
        self._database = database
        self._provider_of = provider_of
        self._issuers = trusted(settings)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def actor(self, authorization: str | None) -> Actor:
        """Return the actor of an `Authorization` header.

        Raises Unauthenticated (401) where no token holds, UnknownBearer (403) where it does but names no one we serve.
        """
        if authorization is None or authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise Unauthenticated("send a bearer token in the Authorization header", code="no_token")
        token = authorization[len(_SCHEME) :].strip()
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        known, now = self._known.get(digest), time.time()
        if known is not None and now < known.fresh_until:
            return known.actor
        claims = await tokens.claims(token, issuers=self._issuers)
        actor = await self._from(claims)
        self._remember(digest, _Known(actor, min(now + STANDING_HOLDS_SECONDS, int(claims["exp"]))))
        return actor

    async def bearer(self, headers: Mapping[str, str]) -> Actor:
        """Return the actor of a request: of its token, or, where it has none, of its client certificate.

        A certificate is looked up each time, so that a retired one opens nothing from then on. Raises as `actor`.
        """
        authorization = headers.get("authorization")
        if authorization is None and self._provider_of is not None:
            fingerprint = certificates.presented(headers, settings=self._settings, now=clock.now())
            if fingerprint is not None:
                return await self._of_certificate(fingerprint, provider_of=self._provider_of)
        return await self.actor(authorization)

    async def _of_certificate(self, fingerprint: bytes, *, provider_of: ProviderOf) -> Actor:
        provider = await provider_of(self._database, fingerprint)
        if provider is None:
            raise Unauthenticated("the client certificate is no live key of a provider", code="unknown_certificate")
        client = f"certificate-{fingerprint.hex()[:_SHOWN_OF_FINGERPRINT]}"
        return Actor(
            name=f"{MACHINE_PREFIX}{provider}:{client}",
            roles=frozenset({Role.FEED}),
            provider=provider,
            subject=fingerprint.hex(),
            client=client,
        )

    def _remember(self, digest: bytes, known: _Known) -> None:
        self._known[digest] = known
        self._known.move_to_end(digest)
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)

    async def _from(self, claims: Mapping[str, Any]) -> Actor:
        roles = frozenset(_ROLES[name] for name in texts(at(claims, self._settings.roles_claim)) if name in _ROLES)
        if Role.FEED in roles:
            return self._feed(claims, roles)
        standing = await self._standing(self._staff_number(claims), claims)
        return Actor(
            name=standing.staff_number,
            roles=roles,
            teams=self._teams(claims, standing) if roles & TEAM_BOUND else None,
            issuer=claims["iss"],
            subject=printable(claims["sub"]),
            client=client_of(claims),
        )

    def _staff_number(self, claims: Mapping[str, Any]) -> str | None:
        """Return the claimed number, None where there is none; raises UnknownBearer, on record, where malformed."""
        claimed = at(claims, self._settings.staff_number_claim)
        if claimed is None or claimed == "":
            return None
        try:
            return staff_numbers.folded(claimed if isinstance(claimed, str) else "")
        except ValueError:
            detail = "the token's staff number is not 1 to 40 letters A to Z, digits and hyphens"
            raise _refusal(claims, detail, code="staff_number_malformed") from None

    def _provider(self, claims: Mapping[str, Any]) -> str:
        """Return the claimed provider's code; raises UnknownBearer, on record, where it is missing or malformed."""
        claimed = at(claims, self._settings.provider_claim)
        if claimed is None or claimed == "":
            raise _refusal(claims, "the token of a feed must name its provider", code="provider_missing")
        if not isinstance(claimed, str) or not CODE.fullmatch(claimed):
            detail = "the token's provider is not 1 to 40 letters, digits, dots, dashes or underscores"
            raise _refusal(claims, detail, code="provider_malformed")
        return claimed

    def _feed(self, claims: Mapping[str, Any], roles: frozenset[Role]) -> Actor:
        if roles != {Role.FEED}:
            raise _refusal(claims, "a feed's machine holds no other role", code="feed_holds_other_roles")
        provider = self._provider(claims)
        issuer, subject = claims["iss"], printable(claims["sub"])
        client = client_of(claims) or subject
        name = f"{MACHINE_PREFIX}{provider}:{client}"
        return Actor(name=name, roles=roles, provider=provider, issuer=issuer, subject=subject, client=client)

    async def _standing(self, claimed: str | None, claims: Mapping[str, Any]) -> Standing:
        async with self._database.read() as session:
            registered = await session.scalar(
                select(StaffLogin.staff_number).where(
                    StaffLogin.issuer == claims["iss"], StaffLogin.subject == claims["sub"]
                )
            )
            if claimed is not None and registered not in {None, claimed}:
                detail = "the token names another staff number than our register has for its log-in"
                raise _refusal(claims, detail, code="login_of_another")
            if (number := claimed or registered) is None:
                detail = "the token names no staff number, and its log-in is not on our register"
                raise _refusal(claims, detail, code="not_staff")
            teams = select(func.array_agg(StaffTeam.team_code)).where(StaffTeam.staff_number == number)
            active = select(StaffMember.is_active).where(StaffMember.staff_number == number)
            found = (await session.execute(select(active.scalar_subquery(), teams.scalar_subquery()))).one()
        standing = Standing(number, found[0], frozenset(found[1] or ()))
        if standing.is_active is False:
            raise _refusal(claims, "this member of staff is no longer active", code="staff_inactive", name=number)
        return standing

    def _teams(self, claims: Mapping[str, Any], standing: Standing) -> frozenset[str]:
        return frozenset(texts(at(claims, self._settings.teams_claim))) or standing.teams


def _refusal(claims: Mapping[str, Any], detail: str, *, code: str, name: str | None = None) -> UnknownBearer:
    """Return the refusal of a bearer whose token holds, named in the trail by staff number or the token's subject."""
    bearer = Actor(
        name=name or f"{UNKNOWN_PREFIX}{printable(claims['sub'])}", roles=frozenset(), client=client_of(claims)
    )
    return UnknownBearer(detail, code=code, bearer=bearer)


def trusted(settings: Settings) -> Mapping[str, tokens.Issuer]:
    """Return the issuers that the settings trust, by name: the council's own, and the dev issuer where it is on."""
    found = [dev_issuer.issuer(settings)] if settings.has_dev_issuer else []
    if settings.issuer and settings.audience and settings.jwks_url:
        keys = tokens.PublishedKeys(settings.jwks_url)
        found.append(tokens.Issuer(settings.issuer, settings.audience, settings.token_algorithms, keys))
    return {issuer.name: issuer for issuer in found}


def at(claims: Mapping[str, Any], path: str) -> Any:
    """Return the claim of this name, or at this dotted path, or None."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def texts(value: Any) -> list[str]:
    """Return a claim that is a list of texts, or one text with spaces or commas in it, as a list."""
    if isinstance(value, str):
        return value.replace(",", " ").split()
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def client_of(claims: Mapping[str, Any]) -> str:
    """Return the application that asked for the token: `azp` (Keycloak, Entra ID v2), `appid` (v1) or `client_id`."""
    return next((printable(str(claims[name])) for name in ("azp", "appid", "client_id") if claims.get(name)), "")


def printable(text: str) -> str:
    """Return what may go on record of a text that an issuer made up: its first 200 printable characters."""
    return "".join(character for character in text if character.isprintable())[:MOST_CHARACTERS]
