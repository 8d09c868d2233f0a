"""The council's side as the simulator sees it: the running services over HTTP, each act by whoever may do it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from services.shared.calling import Answer, Caller
from services.shared.errors import Conflict, Unavailable
from services.shared.identity.roles import Role

ATTEMPTS: Final = 5
LONGEST_PAUSE: Final = 60.0
PAGE: Final = 200
MOST_PAGES: Final = 200
JSON: Final = {"Content-Type": "application/json"}


_HINTS: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: (
        ": these tokens are the dev issuer's, which production refuses, and are of one DP_DATA_DIR alone"
    ),
    HTTPStatus.NOT_FOUND: ": is this the address of the services, and the provider registered?",
}


class CouncilRefused(Conflict):
    """The running services refuse what the simulator has to do first."""

    code = "council_refused"

    def __init__(self, method: str, path: str, answer: Answer) -> None:
        told = f"{method} {path.partition('?')[0]} is answered with {answer.status} {_code(answer)}"
        super().__init__(told + _HINTS.get(answer.status, ""))


class NobodyToPay(Conflict):
    """There are too few active agreements to open accounts for."""

    code = "too_few_agreements"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Bearer tokens: one for each role of staff, and one for each of the provider's senders."""

    staff: Mapping[Role, str] = field(repr=False)
    senders: Sequence[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Council:
    """The running services, and the tokens with which they are spoken to."""

    caller: Caller
    tokens: Tokens
    provider: str

    async def register_provider(self, name: str) -> None:
        """Register the provider, unless it is registered."""
        answer = await self._ask(Role.ADMINISTRATOR, "POST", "/v1/feeds", {"code": self.provider, "name": name})
        if answer.status != HTTPStatus.CONFLICT or _code(answer) != "provider_taken":
            _require("POST", "/v1/feeds", answer)

    async def add_key(self) -> tuple[str, str]:
        """Return a new signing key of the provider: its id and its secret."""
        made = await self._done(Role.ADMINISTRATOR, "POST", f"/v1/feeds/{self.provider}/keys")
        return made["id"], made["secret"]

    async def retire_key(self, key_id: str) -> None:
        """Retire a signing key."""
        await self._done(Role.ADMINISTRATOR, "DELETE", f"/v1/feeds/{self.provider}/keys/{key_id}")

    async def set_poll(self, values: Mapping[str, Any]) -> None:
        """Set how the provider's own interface is asked."""
        await self._done(Role.ADMINISTRATOR, "PUT", f"/v1/feeds/{self.provider}/poll", values)

    async def active_agreements(self, count: int) -> list[Mapping[str, Any]]:
        """Return so many active agreements. Raises NobodyToPay."""
        found: list[Mapping[str, Any]] = []
        async for each in self._items(Role.FINANCE_OFFICER, "/v1/agreements", {"status": "active"}):
            found.append(each)
            if len(found) == count:
                return found
        raise NobodyToPay(f"{count} active agreements are needed: load the demo county, or ask for fewer accounts")

    async def open_account(self, agreement_id: str, *, reference: str, card_ref: str, opened_on: date) -> str:
        """Open a card account with its first card and return its id."""
        values = {"agreement_id": agreement_id, "kind": "prepaid_card", "provider_code": self.provider}
        values |= {"provider_account_ref": reference, "last_four": reference[-4:], "opened_on": opened_on.isoformat()}
        made = await self._done(Role.FINANCE_OFFICER, "POST", "/v1/accounts", values)
        await self.add_card(made["id"], card_ref=card_ref, opened_on=opened_on)
        return str(made["id"])

    async def add_card(self, account_id: str, *, card_ref: str, opened_on: date) -> None:
        """Register a card of an account."""
        values = {"provider_card_ref": card_ref, "last_four": card_ref[-4:], "opened_on": opened_on.isoformat()}
        await self._done(Role.FINANCE_OFFICER, "POST", f"/v1/accounts/{account_id}/cards", values)

    async def push(self, body: bytes, headers: Mapping[str, str], *, sender: int) -> Answer:
        """Send a signed delivery as one of the provider's senders."""
        token = self.tokens.senders[sender % len(self.tokens.senders)]
        path = f"/v1/feeds/{self.provider}/deliveries"
        return await self.caller.ask("POST", path, token=token, body=body, headers=headers)

    async def accounts(self) -> dict[str, Mapping[str, Any]]:
        """Return the provider's accounts by reference, with their balances."""
        wanted = {"provider": self.provider}
        found = self._items(Role.FINANCE_OFFICER, "/v1/accounts", wanted)
        return {each["provider_account_ref"]: each async for each in found}

    async def transactions(self, account_id: str) -> dict[str, int]:
        """Return what has posted to an account: the effect in pence by transaction id."""
        found = self._items(Role.FINANCE_OFFICER, f"/v1/accounts/{account_id}/transactions")
        return {each["provider_transaction_id"]: each["amount_pence"] async for each in found}

    async def receipts(self) -> AsyncIterator[Mapping[str, Any]]:
        """Yield the receipts of the provider's deliveries, the newest first."""
        async for each in self._items(Role.FINANCE_OFFICER, f"/v1/feeds/{self.provider}/deliveries"):
            yield each

    async def quarantine(self) -> list[Mapping[str, Any]]:
        """Return the provider's rows that wait."""
        found = self._items(Role.FINANCE_OFFICER, "/v1/feeds/quarantine")
        return [each async for each in found if each["provider"] == self.provider]

    async def alerts(self, account_id: str) -> list[str]:
        """Return the kinds of the alerts about an account."""
        found = self._items(Role.FINANCE_OFFICER, "/v1/alerts", {"account_id": account_id})
        return [each["kind"] async for each in found]

    async def _items(
        self, role: Role, path: str, asked: Mapping[str, str] | None = None
    ) -> AsyncIterator[Mapping[str, Any]]:
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            query = {"limit": str(PAGE), **(asked or {})} | ({"cursor": cursor} if cursor else {})
            page = await self._done(role, "GET", f"{path}?{urlencode(query)}")
            for each in page["items"]:
                yield each
            if (cursor := page["next_cursor"]) is None:
                return

    async def _done(self, role: Role, method: str, path: str, values: Mapping[str, Any] | None = None) -> Any:
        answer = await self._ask(role, method, path, values)
        _require(method, path, answer)
        return answer.json() if answer.body else None

    async def _ask(self, role: Role, method: str, path: str, values: Mapping[str, Any] | None) -> Answer:
        body = None if values is None else json.dumps(values).encode()
        headers = {"Idempotency-Key": str(uuid4())} | ({} if body is None else JSON)
        for _ in range(ATTEMPTS):
            answer = await self.caller.ask(method, path, token=self.tokens.staff[role], body=body, headers=headers)
            if answer.status not in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
                return answer
            await asyncio.sleep(min(float(answer.headers.get("retry-after", "1")), LONGEST_PAUSE))
        raise Unavailable(f"{method} {path.partition('?')[0]} is refused again and again for want of capacity")


def _require(method: str, path: str, answer: Answer) -> None:
    if not answer.is_success:
        raise CouncilRefused(method, path, answer)


def _code(answer: Answer) -> str:
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return ""
