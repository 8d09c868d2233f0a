"""Which kind of account each award is paid to, and how its provider names the account and its cards."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from random import Random
from types import MappingProxyType
from typing import Final

from services.demo import streams
from services.demo.awards import PUBLISHED_RECIPIENTS, AccountPlan, CardPlan
from services.demo.population import Person
from services.shared.vocabulary.agreements import AccountKind
from services.shared.vocabulary.people import RecipientKind

KESTREL: Final = "kestrel-cards"
LANTHORN: Final = "lanthorn-pay"
WHARFSIDE: Final = "wharfside-bank"
PROVIDERS: Final[Mapping[str, str]] = MappingProxyType(
    {KESTREL: "Kestrel Cards (invented)", LANTHORN: "Lanthorn Pay (invented)", WHARFSIDE: "Wharfside Bank (invented)"}
)
"""Two prepaid card providers and a bank, by code; none of them exists."""

_CARDS: Final = 2_100
_MONEY_MANAGED: Final = 80
_DRAFTS: Final = 20


def kinds(people: Sequence[Person], *, seed: int) -> list[AccountKind | None]:
    """Return each person's kind of account: 2,100 of 2,700 on cards, 80 with a money manager (Plan, ss. 3 and 12),
    some none yet.

    Money managers serve adults, never carers.
    """
    total = len(people)
    mixed = streams.shuffled(streams.stream(seed, "accounts"), range(total))
    adults_first = sorted(mixed, key=lambda number: people[number].kind is not RecipientKind.ADULT)
    managed = frozenset(adults_first[: _scaled(_MONEY_MANAGED, total)])
    others = [number for number in mixed if number not in managed]
    cards = _scaled(_CARDS, total)
    found: list[AccountKind | None] = [AccountKind.BANK_ACCOUNT] * total
    for number in managed:
        found[number] = AccountKind.MONEY_MANAGER_ACCOUNT
    for number in others[:cards]:
        found[number] = AccountKind.PREPAID_CARD
    for number in others[cards : cards + _scaled(_DRAFTS, total)]:
        found[number] = None
    return found


def plan(random: Random, *, number: int, kind: AccountKind | None, opened_on: date, today: date) -> AccountPlan | None:
    """Return the account of an award of this kind, or None where none is open yet."""
    if kind is None:
        return None
    last_four = f"{random.randrange(10_000):04d}"
    if kind is not AccountKind.PREPAID_CARD:
        return AccountPlan(kind, WHARFSIDE, f"WB-{number + 10_001:06d}", last_four, opened_on, ())
    provider = KESTREL if random.random() < 0.4 else LANTHORN
    reference = f"{'KA' if provider == KESTREL else 'LP'}{number + 500_001:07d}"
    return AccountPlan(
        kind, provider, reference, last_four, opened_on, _cards(random, reference, opened_on=opened_on, today=today)
    )


def _cards(random: Random, reference: str, *, opened_on: date, today: date) -> tuple[CardPlan, ...]:
    """Return one card, or two where it was replaced or a second holder has one."""
    first = CardPlan(f"{reference}-1", f"{random.randrange(10_000):04d}", opened_on, None)
    age = (today - opened_on).days
    if age < 90 or random.random() > 0.06:
        return (first,)
    replaced_on = opened_on + timedelta(days=random.randrange(30, age - 30))
    second = CardPlan(f"{reference}-2", f"{random.randrange(10_000):04d}", replaced_on, None)
    is_second_holder = random.random() < 0.4
    return (first if is_second_holder else CardPlan(*_fields(first), replaced_on), second)


def _fields(card: CardPlan) -> tuple[str, str, date]:
    return card.provider_card_ref, card.last_four, card.opened_on


def _scaled(count: int, total: int) -> int:
    return round(count * total / PUBLISHED_RECIPIENTS)
