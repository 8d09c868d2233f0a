"""The feed's doors: signed pushes, uploads by staff, receipts, the quarantine, providers and their keys."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Header, Path, Query, Request, Response
from starlette.datastructures import UploadFile

from services.card_ingest import pipeline, providers, queries, schemas
from services.card_ingest.pipeline import Delivery
from services.card_ingest.profiles import mapping
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.signatures.standard_webhooks import SignedHeaders, UnverifiedDelivery
from services.shared import audit, clock
from services.shared.errors import Invalid, NotFound
from services.shared.identity import Actor
from services.shared.vocabulary import DeliveryDoor
from services.shared.web import dependencies, pages
from services.shared.web.errors import Unauthenticated, UnsupportedMediaType
from services.shared.web.routing import Router

router = Router(prefix="/v1/feeds", tags=["feeds"])

Provider = Annotated[str, Path(max_length=40, description="The provider's code.")]
DeliveryId = Annotated[UUID, Path(description="The delivery's id, as its receipt has it.")]

_PUSHED: Final = {"application/x-ndjson": "canonical", "application/json": "canonical_json"}
_UPLOADED: Final = ("text/csv", "application/octet-stream", "application/x-ndjson", "application/json")
_TEXT: Final = {"schema": {"type": "string"}}
_PUSH_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "Card events: one JSON object in each line, or one JSON array or object with `events`.",
        "content": {"application/x-ndjson": _TEXT, "application/json": {"schema": {}}},
    }
}
_FILE: Final = {"type": "string", "format": "binary"}
_UPLOAD_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The file as it came from the provider, as the body or as the part `file` of a form.",
        "content": {
            "text/csv": _TEXT,
            "multipart/form-data": {"schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE}}},
        },
    }
}


@router.post("/{provider}/deliveries", status_code=202, openapi_extra=_PUSH_BODY)
async def deliver_feed(
    provider: Provider,
    request: Request,
    response: Response,
    store: dependencies.Store,
    caller: dependencies.Caller,
    request_id: dependencies.RequestId,
    webhook_id: Annotated[str | None, Header(description="The sender's own id, the same at every attempt.")] = None,
    webhook_timestamp: Annotated[str | None, Header(description="Seconds since 1970, within 300 s.")] = None,
    webhook_signature: Annotated[str | None, Header(description="`v1,` and the signature; or several.")] = None,
) -> schemas.Receipt:
    """Take in a delivery signed by Standard Webhooks; the same one again has no effect and gets the same receipt.

    Up to 20,000 rows are posted before the answer; a larger delivery is stored, and its receipt tells how far it is.
    """
    _require_own(caller, provider)
    delivery = Delivery(
        provider=provider,
        door=DeliveryDoor.SIGNED_PUSH,
        profile=_PUSHED[_media_type(request, *_PUSHED)],
        body=await request.body(),
        external_id=None,
        account_ref=None,
        actor=caller,
        request_id=request_id,
    )
    headers, now = SignedHeaders(webhook_id, webhook_timestamp, webhook_signature), clock.now()
    try:
        verified = await pipeline.verified(store, delivery, headers, now=now)
    except UnverifiedDelivery as trouble:
        subject = audit.Subject(providers.SUBJECT, provider)
        await audit.record_refusal(
            store, actor=caller, action="deliver_feed", subject=subject, code=trouble.code, request_id=request_id
        )
        raise Unauthenticated(f"{trouble}; nothing was stored", code=trouble.code) from None
    receipt = await pipeline.receive(store, verified, now=now, at_once=pipeline.POSTED_AT_ONCE)
    response.headers["Location"] = f"/v1/feeds/{provider}/deliveries/{receipt.delivery_id}"
    return receipt


@router.post("/{provider}/files", status_code=202, openapi_extra=_UPLOAD_BODY)
async def upload_feed_file(
    provider: Provider,
    request: Request,
    response: Response,
    store: dependencies.Store,
    caller: dependencies.Caller,
    request_id: dependencies.RequestId,
    profile: Annotated[str, Query(max_length=40, description="The layout of the file.")],
    account: Annotated[
        str | None, Query(min_length=1, max_length=200, description="The account of the whole file, or `trial`.")
    ] = None,
) -> schemas.Receipt:
    """Take in a provider's file that a member of staff has at hand; the same file again posts nothing twice."""
    delivery = Delivery(
        provider=provider,
        door=DeliveryDoor.STAFF_UPLOAD,
        profile=profile,
        body=await _file(request),
        external_id=None,
        account_ref=account,
        actor=caller,
        request_id=request_id,
    )
    receipt = await pipeline.receive(store, delivery, now=clock.now(), at_once=pipeline.POSTED_AT_ONCE)
    response.headers["Location"] = f"/v1/feeds/{provider}/deliveries/{receipt.delivery_id}"
    return receipt


@router.get("/{provider}/deliveries")
async def list_deliveries(
    provider: Provider, session: dependencies.Read, caller: dependencies.Caller, page: dependencies.Page
) -> pages.Paged[schemas.Receipt]:
    """List the receipts of a provider's deliveries, the newest first."""
    _require_own(caller, provider)
    return await queries.deliveries(session, provider_code=provider, page=page)


@router.get("/{provider}/deliveries/{delivery_id}")
async def read_delivery(
    provider: Provider, delivery_id: DeliveryId, session: dependencies.Read, caller: dependencies.Caller
) -> schemas.Receipt:
    """Return a delivery's receipt as it stands: how far it is, and where each row and penny has ended."""
    _require_own(caller, provider)
    receipt = await queries.receipt(session, delivery_id)
    _require_same(receipt.provider, provider)
    return receipt


@router.get("/{provider}/deliveries/{delivery_id}/rows")
async def list_delivery_rows(
    provider: Provider,
    delivery_id: DeliveryId,
    session: dependencies.Read,
    store: dependencies.Store,
    caller: dependencies.Caller,
    page: dependencies.Page,
) -> pages.Paged[schemas.DeliveryRow]:
    """List what became of each row of a delivery, in its order, without anything of its content."""
    _require_own(caller, provider)
    found = await queries.delivery(session, delivery_id)
    _require_same(found.provider_code, provider)
    sign = mapping.stated_sign(profiles.load(found.profile, own_folder=pipeline.own_profiles(store)))
    return await queries.delivery_rows(session, found.number, stated_sign=sign, page=page)


@router.get("/quarantine")
async def list_quarantine(session: dependencies.Read, page: dependencies.Page) -> schemas.Quarantine:
    """List the rows that wait, counted by reason and one by one, with the remedy and nothing of their content."""
    return await queries.quarantine(session, now=clock.now(), page=page)


@router.get("")
async def list_providers(session: dependencies.Read) -> schemas.Providers:
    """List the providers and their signing keys, without secrets."""
    return schemas.Providers(items=await queries.providers(session))


@router.post("", status_code=201)
async def register_provider(
    body: schemas.NewProvider, session: dependencies.Write, response: Response
) -> schemas.Provider:
    """Register a card provider or bank whose feed is to be taken in."""
    registered = await providers.register_provider(session, values=body, now=clock.now())
    response.headers["Location"] = "/v1/feeds"
    return registered


@router.post("/{provider}/keys", status_code=201)
async def add_feed_key(provider: Provider, session: dependencies.Write, response: Response) -> schemas.NewKey:
    """Make a new signing key, live at once beside the others; its secret is shown this once."""
    made = await providers.add_feed_key(session, provider_code=provider, now=clock.now())
    response.headers["Location"] = f"/v1/feeds/{provider}/keys/{made.id}"
    return made


@router.delete("/{provider}/keys/{key_id}", status_code=204)
async def retire_feed_key(provider: Provider, key_id: UUID, session: dependencies.Write) -> None:
    """Retire a signing key: nothing signed with it is taken any more."""
    await providers.retire_feed_key(session, provider_code=provider, key_id=key_id, now=clock.now())


def _require_own(caller: Actor, provider: str) -> None:
    """Raise NotFound where the caller speaks for another provider: that there is one is not theirs to know."""
    if not caller.sees_provider(provider):
        raise NotFound("there is no such provider")


def _require_same(found: str, provider: str) -> None:
    if found != provider:
        raise NotFound("there is no such delivery")


def _media_type(request: Request, *taken: str) -> str:
    """Return the body's media type. Raises UnsupportedMediaType for another one, another charset, or compression."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.partition("charset=")[2].strip(' "').lower()
    if kind.strip().lower() not in taken or charset not in {"", "utf-8", "us-ascii"}:
        wanted = " or ".join(taken)
        raise UnsupportedMediaType(f"send {wanted} in UTF-8; nothing was stored")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("send the body without compression; nothing was stored")
    return kind.strip().lower()


async def _file(request: Request) -> bytes:
    """Return the uploaded file: the body itself, or the form's part `file`."""
    if _media_type(request, *_UPLOADED, "multipart/form-data") != "multipart/form-data":
        return await request.body()
    async with request.form(max_files=1, max_fields=0) as form:
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise Invalid("the form has no part named file; nothing was stored", pointer="/file")
        return await part.read()
