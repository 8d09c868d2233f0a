"""Whatever messages tell of whatever payments, in any order and split anyhow: no money is lost, and none is doubled."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.card_ingest.matching import likeness, rules
from services.card_ingest.matching.likeness import Likeness, Told
from services.card_ingest.matching.rules import Again, Payment

ACCOUNT = UUID(int=1)
FIRST_DAY = date(2026, 11, 2)
SOURCES = ("camt053", "camt054", "mt940")


@dataclass(frozen=True, slots=True)
class Genuine:
    """A payment as it really was: one amount, or several that the bank booked as one."""

    name: str
    parts: tuple[int, ...]
    day: int
    payee: str | None
    told_by: frozenset[str]

    @property
    def pence(self) -> int:
        return sum(self.parts)


@dataclass(frozen=True, slots=True)
class Style:
    """How a message tells: which references it shows, whether payees, and each part of what was booked as one."""

    names: frozenset[str]
    has_payee: bool
    has_details: bool


def tellings(payment: Genuine, source: str, style: Style, *, delivery: int, entry: int, first_row: int) -> list[Told]:
    parts = payment.parts if style.has_details else (payment.pence,)
    names = style.names | ({"AcctSvcrRef"} if len(payment.parts) > 1 else set())
    return [
        Told(
            place=(delivery, first_row + number),
            source=source,
            account_id=ACCOUNT,
            effect_pence=-pence,
            booked_on=FIRST_DAY + timedelta(days=payment.day),
            entry=(delivery, entry),
            entry_pence=-payment.pence,
            references=frozenset((name, f"{name}-{payment.name}") for name in names),
            payee=payment.payee if style.has_payee else None,
        )
        for number, pence in enumerate(parts)
    ]


@dataclass(slots=True)
class Books:
    """The books as they come to be, one delivery after the other."""

    payments: list[Payment]
    waiting: int = 0

    def take(self, rows: Sequence[Told]) -> None:
        verdicts = rules.judged(rows, self.payments)
        for row in rows:
            verdict = verdicts.get(row.place)
            if verdict is None:
                self.payments.append(Payment(row))
            elif not isinstance(verdict, Again):
                self.waiting -= row.effect_pence

    @property
    def posted(self) -> int:
        return -sum(payment.own.effect_pence for payment in self.payments)


def told_apart(one: Style, other: Style) -> bool:
    return bool(one.names & other.names)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Genuine], dict[str, Style], list[list[tuple[str, int]]]]:
    """Draw payments, how each message tells, and deliveries of one message each, by source and number of payment."""
    references = st.frozensets(st.sampled_from(["AcctSvcrRef", "EndToEndId", "TxId"]), max_size=2)
    styles = {source: Style(draw(references), draw(st.booleans()), draw(st.booleans())) for source in SOURCES}
    are_apart = all(told_apart(styles[a], styles[b]) for a in SOURCES for b in SOURCES)
    complete = draw(st.sampled_from(SOURCES))  # Where nothing tells payments apart, one message at least tells all.
    payments = []
    for number in range(draw(st.integers(1, 5))):
        parts = draw(st.sampled_from([(1_000,), (1_000,), (3_000,), (1_000, 2_000), (1_500, 1_500)]))
        told_by = draw(st.frozensets(st.sampled_from(SOURCES), min_size=1)) | (set() if are_apart else {complete})
        day, payee = draw(st.integers(0, 1)), draw(st.sampled_from(["shop", "shop", "ann carer", None]))
        payments.append(Genuine(str(number), parts, day, payee, told_by))
    deliveries: list[list[tuple[str, int]]] = []
    for source in SOURCES:
        own = [(source, number) for number, each in enumerate(payments) if source in each.told_by]
        own = draw(st.permutations(own))
        while own:
            size = draw(st.integers(1, len(own)))
            deliveries.append(own[:size])
            own = own[size:]
    return payments, styles, draw(st.permutations(deliveries))


def books_of(
    payments: Sequence[Genuine], styles: dict[str, Style], deliveries: Iterable[Sequence[tuple[str, int]]]
) -> Books:
    books = Books([])
    for number, delivery in enumerate(deliveries, 1):
        rows: list[Told] = []
        for entry, (source, place) in enumerate(delivery, 1):
            rows += tellings(
                payments[place], source, styles[source], delivery=number, entry=entry, first_row=len(rows) + 1
            )
        books.take(rows)
    return books


@settings(max_examples=400, deadline=None, derandomize=True)
@given(world=worlds())
def test_what_has_posted_and_what_waits_is_what_was_paid_and_nothing_posts_twice(
    world: tuple[list[Genuine], dict[str, Style], list[list[tuple[str, int]]]],
) -> None:
    payments, styles, deliveries = world
    truth = sum(payment.pence for payment in payments)
    books = books_of(payments, styles, deliveries)
    assert books.posted <= truth
    assert books.posted + books.waiting >= truth
    if all(told_apart(styles[a], styles[b]) for a in SOURCES for b in SOURCES):
        assert (books.posted, books.waiting) == (truth, 0)


@pytest.mark.parametrize(
    ("references", "payee", "days", "like"),
    [
        ({("AcctSvcrRef", "B1")}, None, 5, Likeness.REFERENCE),
        ({("AcctSvcrRef", "B1")}, None, 6, Likeness.DIFFERENT),
        ({("AcctSvcrRef", "B2")}, "shop", 0, Likeness.DIFFERENT),
        ({("EndToEndId", "E1")}, None, 2, Likeness.REFERENCE),
        ({("EndToEndId", "E1")}, None, 3, Likeness.UNCLEAR),
        ({("NtryRef", "1")}, None, 0, Likeness.REFERENCE),
        ({("NtryRef", "1")}, None, 1, Likeness.UNCLEAR),
        (set(), "shop", 0, Likeness.PAYEE),
        (set(), "shop", 1, Likeness.UNCLEAR),
        (set(), "the shop", 0, Likeness.UNCLEAR),
        (set(), "bakery", 0, Likeness.DIFFERENT),
        (set(), None, 0, Likeness.UNCLEAR),
        ({("Known", "B1")}, None, 0, Likeness.REFERENCE),
    ],
)
def test_a_reference_within_its_days_or_the_payee_on_the_day_says_that_it_is_the_same(
    references: set[tuple[str, str]], payee: str | None, days: int, like: Likeness
) -> None:
    known = {("AcctSvcrRef", "B1"), ("EndToEndId", "E1"), ("NtryRef", "1")}

    def told(references: set[tuple[str, str]], payee: str | None, days: int) -> Told:
        return Told(
            place=(days, 1),
            source=SOURCES[days > 0],
            account_id=ACCOUNT,
            effect_pence=-1_000,
            booked_on=FIRST_DAY + timedelta(days=days),
            entry=(days, 1),
            entry_pence=-1_000,
            references=frozenset(references),
            payee=payee,
        )

    assert likeness.of(told(references, payee, days), tellings=[told(known, "shop", 0)]) is like


def test_a_reference_that_mt940_has_cut_off_is_the_same() -> None:
    assert likeness._is_same("ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOPQRST")
    assert not likeness._is_same("ABCDEFGH", "ABCDEFGHIJKLMNOPQRST")
    assert likeness.payee_of("  Ann  CARER & Co. ") == "ann carer co"
