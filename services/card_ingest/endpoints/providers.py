"""Providers and their keys, as an administrator sets them."""

from http import HTTPStatus
from uuid import UUID

from fastapi import Response

from services.card_ingest import pipeline, providers, queries, schemas
from services.card_ingest.endpoints import callers
from services.shared import clock
from services.shared.web import dependencies
from services.shared.web.routing import Router

router = Router(prefix="/v1/feeds", tags=["feeds"])


@router.get("")
async def list_providers(session: dependencies.Read) -> schemas.Providers:
    """List the providers, how their feeds are set, and their keys, without secrets."""
    return schemas.Providers(items=await queries.providers(session))


@router.post("", status_code=201)
async def register_provider(
    body: schemas.NewProvider, session: dependencies.Write, settings: dependencies.Settings, response: Response
) -> schemas.Provider:
    """Register a card provider or bank whose feed is to be taken in."""
    folder = settings.data_dir / pipeline.OWN_PROFILES
    registered = await providers.register_provider(session, values=body, own_profiles=folder, now=clock.now())
    response.headers["Location"] = "/v1/feeds"
    return registered


@router.patch("/{provider}")
async def amend_provider(
    provider: callers.Provider,
    body: schemas.ProviderAmendment,
    session: dependencies.Write,
    settings: dependencies.Settings,
) -> schemas.Provider:
    """Amend what is sent of a provider: its name, how it signs, the layout of its pushes, how often it delivers."""
    folder = settings.data_dir / pipeline.OWN_PROFILES
    return await providers.amend_provider(session, provider_code=provider, values=body, own_profiles=folder)


@router.post("/{provider}/keys", status_code=201)
async def add_feed_key(
    provider: callers.Provider,
    session: dependencies.Write,
    response: Response,
    body: schemas.NewFeedKey | None = None,
) -> schemas.NewKey | schemas.Key:
    """Add a key, live at once beside the others: without a body a new secret, which is shown this once."""
    added = await providers.add_feed_key(session, provider_code=provider, values=body, now=clock.now())
    response.headers["Location"] = f"/v1/feeds/{provider}/keys/{added.id}"
    return added


@router.delete("/{provider}/keys/{key_id}", status_code=204, responses={HTTPStatus.CONFLICT: {}})
async def retire_feed_key(provider: callers.Provider, key_id: UUID, session: dependencies.Write) -> None:
    """Retire a key: nothing that it proves is taken any more."""
    await providers.retire_feed_key(session, provider_code=provider, key_id=key_id, now=clock.now())
