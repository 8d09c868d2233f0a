"""Transfers to payees whom the council has registered for the account: its own rules, the personal assistants engaged
on the booking day, the money manager whom the agreement names.

Each question is asked once for all transfers of a batch; names are compared here, by the same words as everywhere else,
and the staged rows changed by one statement. The questions are apart and small on purpose: the planner knows nothing of
what is staged, and would compare each row with each if it were to join them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from services.card_ingest import resolving
from services.card_ingest.categories import rules
from services.card_ingest.categories.rules import Rules
from services.shared import driver

_TRANSFERS: Final = f"""
SELECT staged.ctid AS place, staged.payee, staged.booked_on, account.id AS account_id, agreement.recipient_id,
    manager.name AS money_manager
FROM staged_event AS staged {resolving.ACCOUNT}
    JOIN agreement ON agreement.id = account.agreement_id
    LEFT JOIN money_manager AS manager ON manager.id = agreement.money_manager_id
WHERE staged.payee IS NOT NULL
    AND (staged.type = ANY($2::text[]) OR (staged.type = 'reversal' AND staged.mcc IS NULL))
"""  # noqa: S608 (joined from constants)
_OWN_RULES: Final = """
SELECT id, account_id, payee, category, effective_from FROM category_rule WHERE account_id = ANY($1::uuid[])
ORDER BY effective_from DESC
"""
_ENGAGED: Final = """
SELECT engagement.recipient_id, assistant.full_name, engagement.started_on, engagement.ended_on
FROM personal_assistant_engagement AS engagement
JOIN personal_assistant AS assistant ON assistant.id = engagement.personal_assistant_id
WHERE engagement.recipient_id = ANY($1::uuid[])
"""
_CHANGE: Final = """
UPDATE staged_event SET category = change.category, category_rule_id = change.rule_id
FROM unnest($1::tid[], $2::text[], $3::integer[]) AS change (place, category, rule_id)
WHERE staged_event.ctid = change.place
"""
_TYPES: Final = sorted(type_.value for type_ in rules.TRANSFERS)


@dataclass(frozen=True, slots=True)
class _Registered:
    """What the council has registered for the accounts of a batch and their people."""

    own_rules: Mapping[tuple[UUID, str], Sequence[Any]]
    engaged: Mapping[UUID, Sequence[Any]]
    policy: Rules

    def decided(self, row: Any) -> tuple[str, int] | None:
        """Return the category of a transfer and the rule that says so; None where the payee is nobody registered."""
        for own in self.own_rules.get((row["account_id"], row["payee"]), ()):
            if own["effective_from"] <= row["booked_on"]:
                return own["category"], own["id"]
        kind = self._kind(row)
        rule = self.policy.registered(kind, row["booked_on"]) if kind is not None else None
        return None if rule is None else (rule.category, rule.id)

    def _kind(self, row: Any) -> str | None:
        payee, booked_on, money_manager = row["payee"], row["booked_on"], row["money_manager"]
        for engagement in self.engaged.get(row["recipient_id"], ()):
            if _is_engaged(engagement, booked_on) and rules.is_persons_name(payee, engagement["full_name"]):
                return rules.REGISTERED_ASSISTANT
        is_manager = money_manager is not None and rules.is_organisation(payee, money_manager)
        return rules.MONEY_MANAGER if is_manager else None


async def resolve(connection: driver.Connection, policy: Rules, *, provider_code: str) -> int:
    """Give every staged transfer to or from a payee registered for its account the category of that; return how many.

    Call it between staging and posting, in their transaction, where any staged row is a transfer.
    """
    found = await connection.fetch(_TRANSFERS, provider_code, _TYPES)
    if not found:
        return 0
    accounts, people = {row["account_id"] for row in found}, {row["recipient_id"] for row in found}
    own_rules = _grouped(await connection.fetch(_OWN_RULES, accounts), "account_id", "payee")
    engaged = _grouped(await connection.fetch(_ENGAGED, people), "recipient_id")
    registered = _Registered(own_rules, {key[0]: each for key, each in engaged.items()}, policy)
    changes = [(row["place"], *decided) for row in found if (decided := registered.decided(row)) is not None]
    if changes:
        places, categories, rule_ids = zip(*changes, strict=True)
        await connection.execute(_CHANGE, places, categories, rule_ids)
    return len(changes)


def _grouped(found: Sequence[Any], *names: str) -> dict[Any, list[Any]]:
    grouped: dict[Any, list[Any]] = {}
    for row in found:
        grouped.setdefault(tuple(row[name] for name in names), []).append(row)
    return grouped


def _is_engaged(engagement: Any, on: date) -> bool:
    return engagement["started_on"] <= on and (engagement["ended_on"] is None or engagement["ended_on"] >= on)
