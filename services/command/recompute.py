"""`dp feed recompute`: what posted is what the kept deliveries say."""

import asyncio
from collections import Counter
from typing import Annotated, Any
from uuid import UUID

import typer

from services import running
from services.card_ingest import recomputing
from services.card_ingest.recomputing import Recomputed
from services.command import line, terminal
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service


def recompute_feed(
    provider: Annotated[str | None, typer.Option(help="One provider's deliveries; all if not given.")] = None,
    delivery: Annotated[UUID | None, typer.Option(help="One delivery, by the id of its receipt.")] = None,
    as_json: line.AsJson = False,
) -> None:
    """Read kept deliveries again and compare what posted; the exit code is 1 where anything differs."""
    settings = line.settings()
    with running.embedded_server(settings), terminal.progress() as report:
        found = asyncio.run(_recompute(settings, provider=provider, delivery=delivery, report=report))
    differing = [str(each.delivery_id) for each in found if each.differ]
    terminal.show({**_summed(found), "differing_deliveries": differing}, as_json=as_json)
    raise typer.Exit(1 if differing else 0)


async def _recompute(
    settings: Settings, *, provider: str | None, delivery: UUID | None, report: terminal.Report
) -> list[Recomputed]:
    async with running.opened(settings) as own:
        ingest = own[Service.CARD_INGEST]
        known = await recomputing.delivery_ids(ingest, provider=provider, delivery_id=delivery)
        found: list[Recomputed] = []
        for number, delivery_id in enumerate(known, 1):
            found.append(await recomputing.recompute(ingest, delivery_id, actor=line.ACTOR))
            report("deliveries recomputed", number, len(known))
        return found


def _summed(found: list[Recomputed]) -> dict[str, Any]:
    sources = Counter(each.source.value for each in found)
    rows = {name: sum(getattr(each, name) for each in found) for name in ("agree", "decided", "differ")}
    return {"deliveries": len(found), "from": dict(sources), "rows": rows}
