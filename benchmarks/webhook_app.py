"""The card feed's application with one more door, at which a push is proved, read and answered, and nothing is kept."""

import io
import os
from uuid import uuid4

from fastapi import FastAPI, Request

from services.card_ingest import keeping, main, reading
from services.card_ingest.endpoints import bodies, callers
from services.card_ingest.events import ReadRow
from services.card_ingest.profiles.profile import NdjsonProfile
from services.card_ingest.schemas import Counted, Receipt
from services.card_ingest.signatures import keys, schemes
from services.shared import clock, dates
from services.shared.settings.installation import Settings
from services.shared.vocabulary.feeds import DeliveryDoor, DeliveryStatus, FeedKeyKind, SignatureScheme
from services.shared.vocabulary.records import Service
from services.shared.web import app, dependencies
from services.shared.web.routing import Router

router = Router(prefix="/v1/feeds", tags=["feeds"])

_PROFILE = NdjsonProfile(name="canonical", version=1, title="Our own")
_KEYS = [keys.live(FeedKeyKind.STANDARD_WEBHOOKS, os.environ.get("DP_BENCH_SECRET", ""))]


@router.post("/{provider}/unkept-deliveries", status_code=202)
async def deliver_feed(
    provider: callers.Provider, request: Request, caller: dependencies.Caller, request_id: dependencies.RequestId
) -> Receipt:
    """Answer a push as if it had been kept and posted."""
    now = clock.now()
    callers.require_own(caller, provider)
    bodies.kind(request, ("application/x-ndjson",))
    body = await request.body()
    schemes.verify(SignatureScheme.STANDARD_WEBHOOKS, body, request.headers, keys=_KEYS, now=now)
    content, received_on = io.BytesIO(body), dates.london_date(now)
    rows = list(reading.rows(_PROFILE, content, account_ref=None, received_on=received_on, is_redacted=False))
    pence = sum(row.delivered_pence for row in rows if isinstance(row, ReadRow))
    came, nothing = keeping.fingerprint(body), Counted(rows=0, pence=0)
    return Receipt(
        delivery_id=uuid4(),
        provider=provider,
        door=DeliveryDoor.SIGNED_PUSH,
        profile=_PROFILE.name,
        profile_version=_PROFILE.version,
        account_ref=None,
        sha256=came.sha256.hex(),
        size_bytes=came.size_bytes,
        received_at=now,
        already_received=False,
        status=DeliveryStatus.POSTED,
        rows=len(rows),
        rows_done=len(rows),
        delivered_pence=pence,
        unread_amounts=0,
        posted=Counted(rows=len(rows), pence=pence),
        already_posted=nothing,
        held=nothing,
        no_money=nothing,
        quarantined=nothing,
        waiting=[],
        finished_at=now,
        rows_url="",
    )


def create(settings: Settings) -> FastAPI:
    """Return the application."""
    routers = (*main.ROUTERS, router)
    title, description = "Direct payments: card feeds", "The card feed, and a door that keeps nothing."
    return app.create_app(
        service=Service.CARD_INGEST,
        title=title,
        description=description,
        routers=routers,
        jobs=(),
        settings=settings,
    )
