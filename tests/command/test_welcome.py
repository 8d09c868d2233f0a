import re
from datetime import date

import httpx

from services.command import welcome
from services.demo import accounts, members
from services.demo.examples import Examples
from services.shared.identity.roles import Role
from tests.databases import Databases
from tests.http import ORIGIN, Clients, bearer

NOTHING_YET = Examples(
    staff=members.members(),
    providers=tuple(accounts.PROVIDERS),
    recipient_id=None,
    personal_assistant_id=None,
    surplus_agreement_id=None,
    surplus_account_id=None,
    delivery_id=None,
)
CURL = re.compile(rf"curl -s -H 'Authorization: Bearer (\S+)' '{re.escape(ORIGIN)}(\S+)'")


async def test_every_command_that_a_visitor_is_given_works(clients: Clients, databases: Databases) -> None:
    async with databases.superuser() as connection:
        await connection.execute("INSERT INTO feed_provider VALUES ($1, 'A', now())", NOTHING_YET.providers[0])
    told = "\n".join(welcome.lines(databases.settings, address=ORIGIN, found=NOTHING_YET, today=date(2026, 11, 22)))
    commands = CURL.findall(told)
    assert len(commands) == told.count("curl ") == 5
    for token, address in commands:
        found: httpx.Response = await clients.anonymous().get(address, headers=bearer(token))
        assert found.status_code == 200, (address, found.text)


def test_there_is_something_to_try_for_each_user_group() -> None:
    roles = {each.role for each in welcome.tries(NOTHING_YET, today=date(2026, 11, 22))}
    assert roles == {Role.CARE_WORKER, Role.FINANCE_OFFICER, Role.AUDITOR, Role.FEED, Role.ADMINISTRATOR}
