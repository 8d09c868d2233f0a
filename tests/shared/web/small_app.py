"""A small application behind the real frame: a few operations on teams, enough to see what the frame does."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

from fastapi import FastAPI, Response
from sqlalchemy import select, text
from starlette.responses import StreamingResponse

from services.shared import audit, errors, paging
from services.shared.database import Database
from services.shared.law import sources
from services.shared.law.findings import Finding
from services.shared.settings.installation import Settings
from services.shared.tables.staff import Team
from services.shared.values import bodies
from services.shared.vocabulary.records import Service
from services.shared.web import etags
from services.shared.web.app import create_app
from services.shared.web.dependencies import Caller, IfMatch, Page, Read, RequestId, Store, Today, Write
from services.shared.web.routing import Router, once

SECRET = "Wilhelmina Featherstonehaugh"
RECIPIENT = "7f3c0a52-6a53-4d7c-9a55-0c9d2f6b1e10"
AGREEMENT = "7f3c0a52-6a53-4d7c-9a55-0c9d2f6b1e11"
ORDER = paging.Order(Team.code)
router = Router(prefix="/v1/teams", tags=["teams"])


class NewTeam(bodies.RequestBody):
    """A team to be."""

    code: str
    name: str
    founded_on: date | None = None


class TeamShown(bodies.ResponseBody):
    """A team."""

    code: str
    name: str


@router.post("", status_code=201)
async def register_recipient(body: NewTeam, session: Write, response: Response) -> TeamShown:
    """Create a team."""
    team = Team(code=body.code, name=body.name)
    session.add(team)
    await session.flush()
    if body.code != "unaudited":
        await audit.record(session, action="register_recipient", subject=audit.Subject("team", body.code))
    response.headers["Location"] = f"/v1/teams/{body.code}"
    return TeamShown.model_validate(team)


@router.get("")
async def list_teams(session: Read, page: Page) -> paging.Paged[TeamShown]:
    """List teams by code."""
    question = select(Team).order_by(Team.code).limit(page.limit + 1)
    if (reached := ORDER.after(page)) is not None:
        question = question.where(Team.code > reached[0])
    rows = list(await session.scalars(question))
    shown, next_cursor = ORDER.cut(rows, page, key=lambda team: (team.code,))
    return paging.Paged(items=[TeamShown.model_validate(team) for team in shown], next_cursor=next_cursor)


@router.get("/{team_id}/troubles/{trouble}")
async def read_recipient(team_id: str, trouble: str, session: Read) -> TeamShown:
    """Raise the trouble that is asked for."""
    raise {
        "not_found": errors.NotFound("there is no such team"),
        "refused": errors.Refused(Finding("too_soon", "it is too soon", sources.DP_REGS_R3)),
        "conflict": errors.Conflict("it stands otherwise"),
        "stale": errors.Stale("amended since"),
        "invalid": errors.Invalid("not so", pointer="/name"),
        "unexpected": RuntimeError(SECRET),
        "unreachable": ConnectionRefusedError(SECRET),
    }[trouble]


@router.patch("/{team_id}")
async def amend_recipient(team_id: str, version: IfMatch, response: Response) -> dict[str, int]:
    """Answer with the version after the one that was amended."""
    etags.answer(response, version + 1)
    return {"version": version + 1}


@router.put("/{team_id}")
async def engage_personal_assistant(team_id: str, session: Write) -> dict[str, str]:
    """Create a team without a key; one that is called `unaudited` leaves no entry."""
    session.add(Team(code=team_id, name="N"))
    if team_id != "unaudited":
        await audit.record(session, action="engage_personal_assistant", subject=audit.Subject("team", team_id))
    return {"team": team_id}


@router.post("/{team_id}/death")
@once
async def record_death(team_id: str, session: Write) -> dict[str, str]:
    """Count how often it was done, by rows."""
    done = await session.scalar(select(Team.code).where(Team.code == f"{team_id}-done"))
    session.add(Team(code=f"{team_id}-done" if done is None else f"{team_id}-again", name="done"))
    await audit.record(session, action="record_death", subject=audit.Subject("team", team_id))
    return {"team": team_id}


@router.post("/{team_id}/agreements", status_code=201)
async def open_agreement(team_id: str, session: Write, response: Response) -> dict[str, str]:
    """Answer with a person's record, as most acts do."""
    await audit.record(session, action="open_agreement", subject=audit.Subject("team", team_id))
    response.headers["Location"] = f"/v1/agreements/{AGREEMENT}"
    return {"id": AGREEMENT, "recipient_id": RECIPIENT} if team_id == "person" else {"id": AGREEMENT}


@router.post("/{team_id}/keys", status_code=201)
async def register_personal_assistant(team_id: str, session: Write) -> dict[str, str]:
    """Answer with a secret."""
    await audit.record(session, action="add_feed_key", subject=audit.Subject("team", team_id))
    return {"id": AGREEMENT, "secret": SECRET}


@router.post("/{team_id}/nothing")
@once
async def set_budget(team_id: str) -> dict[str, str]:
    """Do nothing, and leave no entry."""
    return {"team": team_id}


@router.post("/sql")
async def search_recipients(body: dict[str, Any], session: Write) -> dict[str, str]:
    """Run a statement that the test gives, to see what becomes of its trouble."""
    await session.execute(text(body["sql"]))
    return {}


@router.get("/me/today")
async def read_me(caller: Caller, today: Today, request_id: RequestId) -> dict[str, Any]:
    """Answer with what the frame knows."""
    teams = None if caller.teams is None else sorted(caller.teams)
    return {"name": caller.name, "teams": teams, "today": today.isoformat(), "request_id": request_id}


@router.get("/stream/all")
async def list_recipients(store: Store, caller: Caller) -> StreamingResponse:
    """Stream, and fail when the answer has begun."""

    async def lines() -> AsyncIterator[bytes]:
        async with store.read(actor=caller) as session:
            yield f"{await session.scalar(text('SELECT 1'))}\n".encode()
        raise RuntimeError(SECRET)

    return StreamingResponse(lines(), media_type="text/plain")


def create(*, settings: Settings, database: Database | None = None) -> FastAPI:
    """Create the application."""
    return create_app(
        service=Service.DP_API,
        title="Small",
        description="A small application.",
        routers=(router,),
        jobs=(),
        settings=settings,
        database=database,
    )
