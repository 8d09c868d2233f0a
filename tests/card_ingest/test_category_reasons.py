"""Why somebody changed a category is kept for ever: about one person it is readable only while their key lasts."""

from typing import Any

from services.shared.identity.roles import Role
from tests.builders import clawback as people
from tests.builders import deliveries as build
from tests.databases import Databases
from tests.http import Clients

CATEGORISATIONS = "/v1/categorisations"


async def _moved(databases: Databases, clients: Clients, *, persons: int) -> tuple[str, dict[str, Any]]:
    """Recategorise a transaction of each of so many people; return the reason as stored and the first one's history."""
    client = clients.of(Role.FINANCE_OFFICER)
    async with databases.superuser() as connection:
        accounts = [await people.an_account(connection, await people.an_agreement(connection)) for _ in range(persons)]
        ids = [f"T{number}" for number in range(persons)]
        sent = [
            build.an_event(id_, card_ref=None, account_ref=str(account))
            for id_, account in zip(ids, accounts, strict=True)
        ]
        await build.receive(databases.card_ingest, build.ndjson(sent))
        listed = [{"provider": people.PROVIDER, "provider_transaction_id": id_} for id_ in ids]
        body = {"transactions": listed, "category": "respite", "reason": "agreed after the stroke"}
        assert (await client.post(CATEGORISATIONS, json=body)).status_code == 201
        stored = await connection.fetchval("SELECT min(reason) FROM categorisation")
    wanted = {"provider": people.PROVIDER, "transaction_id": "T0"}
    return stored, (await client.get(CATEGORISATIONS, params=wanted)).json()


async def test_a_reason_about_one_person_is_stored_under_their_key(databases: Databases, clients: Clients) -> None:
    stored, history = await _moved(databases, clients, persons=1)
    assert "stroke" not in stored
    assert history["items"][0]["reason"] == "agreed after the stroke"
    async with databases.superuser() as connection:
        assert await connection.fetchval("SELECT count(*) FROM audit_entry WHERE reason LIKE '%stroke%'") == 0
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("DELETE FROM personal_key")
    wanted = {"provider": people.PROVIDER, "transaction_id": "T0"}
    later = (await clients.of(Role.AUDITOR).get(CATEGORISATIONS, params=wanted)).json()
    assert [item["reason"] for item in later["items"]] == [None]


async def test_a_reason_about_several_people_is_nobodys_and_stands_in_clear(
    databases: Databases, clients: Clients
) -> None:
    stored, history = await _moved(databases, clients, persons=2)
    assert stored == history["items"][0]["reason"] == "agreed after the stroke"
