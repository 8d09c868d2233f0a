"""HTTP for the interfaces of providers that we ask."""

from typing import Annotated

from fastapi import Path

from services.card_ingest.polling import operations, schemas
from services.shared import clock
from services.shared.web import dependencies
from services.shared.web.routing import Router

router = Router(prefix="/v1/feeds", tags=["feeds"])


@router.put("/{provider}/poll")
async def set_feed_poll(
    provider: Annotated[str, Path(max_length=40, description="The provider's code.")],
    body: schemas.FeedPollSettings,
    session: dependencies.Write,
    settings: dependencies.Settings,
) -> schemas.FeedPoll:
    """Set where a provider's interface is, in which layout it answers, and how often we ask it for what is new.

    It is asked with `after` (the cursor, left out at first) and `limit`, and a bearer token if there is one. Another
    address or layout begins at the beginning, which does no harm: what has posted is known.
    """
    return await operations.set_feed_poll(
        session, provider_code=provider, values=body, settings=settings, now=clock.now()
    )
