"""The door for providers' machines: a signed push is taken in, or tried without anything being stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import Request, Response

from services.card_ingest import keeping, pipeline, providers, proving, schemas, trials
from services.card_ingest.endpoints import bodies, callers, push_description
from services.card_ingest.endpoints.bodies import Kind
from services.card_ingest.gathering import convoy
from services.card_ingest.pipeline import Delivery
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.proving import Proof
from services.card_ingest.signatures import rsa_nonce
from services.card_ingest.signatures.proof import UnverifiedDelivery
from services.card_ingest.signatures.rsa_nonce import Nonce
from services.shared import audit, clock
from services.shared.database import Database
from services.shared.identity.actor import Actor
from services.shared.vocabulary.feeds import DeliveryDoor, SignatureScheme
from services.shared.web import dependencies, gate
from services.shared.web.errors import Unauthenticated, UnsupportedMediaType
from services.shared.web.routing import Router, takes_files

router = Router(prefix="/v1/feeds", tags=["feeds"])

_OWN_LAYOUT: Final[Mapping[str, str]] = {"application/x-ndjson": "canonical", "application/json": "canonical_json"}
_PUSHED_AS: Final[Mapping[str, tuple[str, ...]]] = {
    "ndjson": ("application/x-ndjson",),
    "json": ("application/json",),
    "json_events": ("application/json",),
    "csv": ("text/csv",),
}
"""The media types of a layout's format; a format that is not here is pushed as bytes or as XML."""
_ANY_OTHER: Final = ("application/octet-stream", "application/xml")
_TAKEN: Final = tuple(sorted({*_ANY_OTHER, *(name for names in _PUSHED_AS.values() for name in names)}))


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who pushes for which provider, by which operation, and when."""

    provider: str
    caller: Actor
    request_id: str | None
    action: str
    now: datetime


@dataclass(frozen=True, slots=True)
class _Push:
    """A push whose sender is proved, ready for the line, and the nonce that its answer repeats."""

    delivery: Delivery
    nonce: Nonce | None


@router.post(
    "/{provider}/deliveries",
    status_code=202,
    openapi_extra=push_description.of_push(push_description.RECEIPT, status="202"),
)
@takes_files
async def deliver_feed(
    provider: callers.Provider,
    request: Request,
    response: Response,
    store: dependencies.Store,
    caller: dependencies.Caller,
    request_id: dependencies.RequestId,
) -> schemas.Receipt | schemas.NonceReceipt:
    """Take in a delivery signed by the provider's scheme; the same one again has no effect and gets the same receipt.

    Up to 20,000 rows are posted before the answer; a larger delivery is stored, and its receipt tells how far it is.
    """
    now = clock.now()
    push = await _read(request, store, _Asked(provider, caller, request_id, "deliver_feed", now))
    receipt = await convoy.receive(store, push.delivery, now=now)
    response.headers["Location"] = f"/v1/feeds/{provider}/deliveries/{receipt.delivery_id}"
    return receipt if push.nonce is None else schemas.NonceReceipt(**dict(receipt), nonce=push.nonce)


@router.post(
    "/{provider}/trial-deliveries",
    openapi_extra=push_description.of_push(push_description.TRIAL_RECEIPT, status="200"),
)
@takes_files
async def try_feed(
    provider: callers.Provider,
    request: Request,
    store: dependencies.Store,
    caller: dependencies.Caller,
    request_id: dependencies.RequestId,
) -> schemas.TrialReceipt:
    """Say what would become of a delivery, row by row: it is verified, read and looked up, and nothing is stored."""
    now = clock.now()
    push = await _read(request, store, _Asked(provider, caller, request_id, "try_feed", now))
    return await trials.tried(store, push.delivery, now=now)


async def _read(request: Request, store: Database, asked: _Asked) -> _Push:
    """Return the push, its sender proved before anything of it is inflated or read.

    Raises Unauthenticated, on record, where it is not; UnsupportedMediaType, BodyTooLarge or Invalid where the body
    cannot be read.
    """
    callers.require_own(asked.caller, asked.provider)
    kind, sent = bodies.kind(request, _TAKEN), await request.body()
    proof = await _proved(request, store, asked, sent)
    profile = _profile(store, proof, kind)
    body = await bodies.opened(sent, kind, at_most=store.settings.max_body_bytes, hold=request.state.hold)
    delivery = Delivery(
        provider=asked.provider,
        door=DeliveryDoor.SIGNED_PUSH,
        profile=profile,
        body=body,
        external_id=proof.sender_id,
        account_ref=None,
        actor=asked.caller,
        request_id=asked.request_id,
        came=keeping.fingerprint(sent) if kind.is_gzip else None,
    )
    return _Push(delivery, rsa_nonce.nonce(body) if proof.scheme is SignatureScheme.RSA_NONCE else None)


async def _proved(request: Request, store: Database, asked: _Asked, sent: bytes) -> Proof:
    """Return the proof of who sent these bytes.

    Raises Unauthenticated, which is then on record, or TooManyRequests where there were many already.
    """
    try:
        return await proving.prove(
            store,
            provider=asked.provider,
            body=sent,
            headers=request.headers,
            now=asked.now,
        )
    except UnverifiedDelivery as trouble:
        gate.take_refusal(request)
        subject = audit.Subject(providers.SUBJECT, asked.provider)
        await audit.record_refusal(
            store,
            actor=asked.caller,
            action=asked.action,
            subject=subject,
            code=trouble.code,
            request_id=asked.request_id,
        )
        raise Unauthenticated(f"{trouble}; nothing was stored", code=trouble.code) from None


def _profile(store: Database, proof: Proof, kind: Kind) -> str:
    """Return the layout: the provider's own, which its media type must fit, or ours, as the media type says."""
    if proof.push_profile is None:
        fits, name = tuple(_OWN_LAYOUT), _OWN_LAYOUT.get(kind.media_type, "")
    else:
        form = profiles.load(proof.push_profile, own_folder=pipeline.own_profiles(store))
        fits, name = _PUSHED_AS.get(str(form.__struct_config__.tag), _ANY_OTHER), proof.push_profile
    if kind.media_type not in fits:
        raise UnsupportedMediaType(f"this feed is pushed as {' or '.join(fits)}; nothing was stored")
    return name
