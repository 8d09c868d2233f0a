"""HTTP for runs. There is no route here, and no code behind one, that takes money back."""

from uuid import UUID

from fastapi import Response

from services.clawback.runs import operations, queries, schemas
from services.shared import clock, paging
from services.shared.vocabulary.clawback import RunTrigger
from services.shared.web import dependencies, routing

router = routing.Router(prefix="/v1/clawback", tags=["clawback"])


@router.post("/runs", status_code=201)
async def run_clawback(
    body: schemas.NewRun, session: dependencies.Write, today: dependencies.Today, response: Response
) -> schemas.Run:
    """Run the surplus test now, for today or a day that has passed; it neither claims a day nor waits for one."""
    result = await operations.run_clawback(
        session, as_of=body.as_of or today, today=today, trigger=RunTrigger.MANUAL, now=clock.now()
    )
    response.headers["Location"] = f"/v1/clawback/runs/{result.run_id}"
    return await queries.run(session, run_id=result.run_id)


@router.get("/runs")
async def list_clawback_runs(session: dependencies.Read, page: dependencies.Page) -> paging.Paged[schemas.Run]:
    """List the runs, the latest first."""
    return await queries.runs(session, page=page)


@router.get("/runs/{run_id}")
async def read_clawback_run(run_id: UUID, session: dependencies.Read) -> schemas.Run:
    """Show one run and what it came to."""
    return await queries.run(session, run_id=run_id)
