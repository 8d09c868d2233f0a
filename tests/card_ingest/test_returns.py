"""Money that comes back and names what it takes back goes where that stands."""

from typing import Any
from uuid import UUID

import pytest

from services.shared.identity.roles import Role
from tests.builders import deliveries as build
from tests.card_ingest.conftest import Feed
from tests.card_ingest.test_payees import NOTHING, WAGES, a_transfer, an_agreement, an_assistant, category
from tests.http import Clients


def taken_back(transaction_id: str, of: str | None, kind: str = "reversal", **changes: Any) -> dict[str, Any]:
    """Return money that comes back without a word of where it was spent."""
    known = {"type": kind, "mcc": None, "merchant_name": None, "reverses_transaction_id": of}
    return build.an_event(transaction_id, **(known | changes))


async def engaged(feed: Feed) -> UUID:
    recipient_id = await an_agreement(feed.connection, feed.account_id)
    await an_assistant(feed.connection, recipient_id, "Jane Derby")
    return recipient_id


@pytest.mark.parametrize("kind", ["reversal", "refund", "chargeback"])
async def test_money_that_comes_back_goes_to_its_originals_category(feed: Feed, kind: str) -> None:
    await feed.send(build.an_event("T1"))
    await feed.send(taken_back("R1", "T1", kind), taken_back("R2", None, kind))
    assert await category(feed, "R1") == await category(feed, "T1") == ("retail_household", "5411")
    assert await category(feed, "R2") == ("refund", None)


async def test_a_returned_wage_is_taken_from_the_wages_in_one_batch_as_in_two(feed: Feed) -> None:
    await engaged(feed)
    back = taken_back("R1", "T1", card_ref=None, account_ref="ACC-1")
    await feed.send(back, a_transfer("T1", "JANE DERBY"))
    await feed.send(taken_back("R2", "R1", card_ref=None, account_ref="ACC-1"))
    assert [await category(feed, each) for each in ("T1", "R1", "R2")] == [WAGES] * 3


async def test_a_chain_within_one_batch_is_followed_to_its_first(feed: Feed) -> None:
    await engaged(feed)
    chain = [taken_back(f"R{n}", f"R{n - 1}" if n > 1 else "T1", card_ref=None, account_ref="ACC-1") for n in (3, 2, 1)]
    await feed.send(*chain, a_transfer("T1", "JANE DERBY"))
    assert [await category(feed, each) for each in ("R1", "R2", "R3")] == [WAGES] * 3


async def test_an_originals_own_words_go_before_those_of_what_comes_back(feed: Feed) -> None:
    await feed.send(build.an_event("T1", mcc=None, merchant_name="UNHEARD OF"))
    await feed.send(taken_back("R1", "T1", mcc="5411", merchant_name="TESCO"))
    assert await category(feed, "R1") == NOTHING


async def test_another_type_that_mentions_a_transaction_keeps_its_own_category(feed: Feed) -> None:
    await feed.send(build.an_event("T1"))
    await feed.send(taken_back("A1", "T1", "adjustment", direction="out"))
    assert (await category(feed, "A1"))[0] != "retail_household"


async def test_what_a_person_moved_is_followed_and_names_no_rule(feed: Feed, clients: Clients) -> None:
    await feed.send(build.an_event("T1"))
    body = {
        "transactions": [{"provider": build.PROVIDER, "provider_transaction_id": "T1"}],
        "category": "respite",
        "reason": "it was a break for the carer",
    }
    assert (await clients.of(Role.FINANCE_OFFICER).post("/v1/categorisations", json=body)).status_code == 201
    await feed.send(taken_back("R1", "T1"))
    assert await category(feed, "R1") == ("respite", None)
    left = await feed.connection.fetch("SELECT FROM spend_delta GROUP BY category HAVING sum(amount_pence) <> 0")
    assert left == []
