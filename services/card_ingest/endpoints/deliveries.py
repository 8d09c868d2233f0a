"""Deliveries once they are in, files that staff upload, and the rows that wait."""

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import Query, Request, Response

from services.card_ingest import keeping, pipeline, queries, schemas
from services.card_ingest.endpoints import bodies, callers
from services.card_ingest.pipeline import Delivery
from services.card_ingest.profiles import mapping
from services.card_ingest.profiles import profile as profiles
from services.shared import clock, paging
from services.shared.vocabulary.feeds import DeliveryDoor
from services.shared.web import dependencies
from services.shared.web.routing import Router, takes_files

router = Router(prefix="/v1/feeds", tags=["feeds"])

_TAKEN: Final = (
    "text/csv",
    "text/tab-separated-values",
    "text/plain",
    "application/octet-stream",
    "application/x-ndjson",
    "application/json",
    "application/xml",
    "text/xml",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.ms-excel",
)
_FILE: Final = {"type": "string", "format": "binary"}
_UPLOAD: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The file as it came from the provider, as the body or as the part `file` of a form.",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/octet-stream": {"schema": _FILE},
            "multipart/form-data": {"schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE}}},
        },
    }
}


@router.post("/{provider}/files", status_code=202, openapi_extra=_UPLOAD)
@takes_files
async def upload_feed_file(
    provider: callers.Provider,
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
    sent, body = await bodies.uploaded(request, _TAKEN, at_most=store.settings.max_body_bytes)
    delivery = Delivery(
        provider=provider,
        door=DeliveryDoor.STAFF_UPLOAD,
        profile=profile,
        body=body,
        external_id=None,
        account_ref=account,
        actor=caller,
        request_id=request_id,
    )
    if sent is not body:
        delivery = replace(delivery, came=keeping.fingerprint(sent))
    receipt = await pipeline.receive(store, delivery, now=clock.now(), at_once=pipeline.POSTED_AT_ONCE)
    response.headers["Location"] = f"/v1/feeds/{provider}/deliveries/{receipt.delivery_id}"
    return receipt


@router.get("/{provider}/deliveries")
async def list_deliveries(
    provider: callers.Provider, session: dependencies.Read, caller: dependencies.Caller, page: dependencies.Page
) -> paging.Paged[schemas.Receipt]:
    """List the receipts of a provider's deliveries, the newest first."""
    callers.require_own(caller, provider)
    return await queries.deliveries(session, provider_code=provider, page=page)


@router.get("/{provider}/deliveries/{delivery_id}")
async def read_delivery(
    provider: callers.Provider, delivery_id: callers.DeliveryId, session: dependencies.Read, caller: dependencies.Caller
) -> schemas.Receipt:
    """Return a delivery's receipt as it stands: how far it is, and where each row and penny has ended."""
    callers.require_own(caller, provider)
    receipt = await queries.receipt(session, delivery_id)
    callers.require_same(receipt.provider, provider)
    return receipt


@router.get("/{provider}/deliveries/{delivery_id}/rows")
async def list_delivery_rows(
    provider: callers.Provider,
    delivery_id: callers.DeliveryId,
    session: dependencies.Read,
    store: dependencies.Store,
    caller: dependencies.Caller,
    page: dependencies.Page,
) -> paging.Paged[schemas.DeliveryRow]:
    """List what became of each row of a delivery, in its order, without anything of its content."""
    callers.require_own(caller, provider)
    found = await queries.delivery(session, delivery_id)
    callers.require_same(found.provider_code, provider)
    sign = mapping.stated_sign(profiles.load(found.profile, own_folder=pipeline.own_profiles(store)))
    return await queries.delivery_rows(session, found.number, stated_sign=sign, page=page)


@router.get("/quarantine")
async def list_quarantine(session: dependencies.Read, page: dependencies.Page) -> schemas.Quarantine:
    """List the rows that wait, counted by reason and one by one, with the remedy and nothing of their content."""
    return await queries.quarantine(session, now=clock.now(), page=page)
