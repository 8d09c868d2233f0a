"""HTTP for spend categories, the rules that give them, and what people change afterwards."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Response

from services.card_ingest.categories import backtest, operations, queries, recategorising, schemas
from services.shared import clock, paging
from services.shared.values import fields
from services.shared.vocabulary.money import SpendCategory
from services.shared.web import dependencies
from services.shared.web.routing import Router

categories = Router(prefix="/v1/categories", tags=["categories"])
rules = Router(prefix="/v1/category-rules", tags=["categories"])
categorisations = Router(prefix="/v1/categorisations", tags=["categories"])


@categories.get("")
async def list_categories(session: dependencies.Read, page: dependencies.Page) -> paging.Paged[schemas.Category]:
    """List the categories by code, each with the heading of the council's published plan."""
    return await queries.categories(session, page=page)


@rules.get("")
async def list_category_rules(
    session: dependencies.Read,
    page: dependencies.Page,
    rule_id: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="The rule that a transaction names.")] = None,
    kind: schemas.RuleKind | None = None,
    mcc: schemas.Mcc | None = None,
    category: SpendCategory | None = None,
    in_force_on: Annotated[fields.Day | None, Query(description="Rules that held on this day only.")] = None,
) -> paging.Paged[schemas.CategoryRule]:
    """List the rules that give transactions a category, the newest first: who made each, from which day, and why."""
    wanted = schemas.RuleFilter(rule_id=rule_id, kind=kind, mcc=mcc, category=category, on=in_force_on)
    return await operations.list_category_rules(session, wanted=wanted, page=page)


@rules.post("", status_code=201)
async def add_category_rule(
    body: schemas.NewRule, session: dependencies.Write, today: dependencies.Today, response: Response
) -> schemas.CategoryRule:
    """Add a rule from today or a later day on; what has posted keeps its category."""
    made = await operations.add_category_rule(session, values=body, today=today)
    response.headers["Location"] = f"/v1/category-rules?rule_id={made.id}"
    return made


@rules.post("/backtests")
async def backtest_category_rule(
    body: schemas.BacktestOfRule, session: dependencies.Read, today: dependencies.Today
) -> schemas.Backtest:
    """Tell what a rule would move of what has posted, by month and category; nothing is changed or stored."""
    return await backtest.backtest_category_rule(session, values=body, today=today)


@categorisations.post("", status_code=201)
async def recategorise_transactions(
    body: schemas.NewCategorisation, session: dependencies.Write, response: Response
) -> schemas.Recategorised:
    """Give posted transactions another category: up to 1,000 listed ones, or those of a payee in a period."""
    made = await recategorising.recategorise_transactions(session, values=body, now=clock.now())
    response.headers["Location"] = "/v1/categorisations"
    return made


@categorisations.get("", responses={HTTPStatus.NOT_FOUND: {}})
async def list_categorisations(
    session: dependencies.Read,
    page: dependencies.Page,
    provider: fields.Code,
    transaction_id: Annotated[str, Query(min_length=1, max_length=200, description="The provider's id.")],
) -> schemas.History:
    """Tell how one transaction came by its category: the rule that decided first, then each person who changed it."""
    return await operations.list_categorisations(
        session, provider=provider, provider_transaction_id=transaction_id, page=page
    )
