"""What happens on a card, as a provider's own books have it: stories whose end is known whatever order they come in.

Pure, and the same for the same seed. Nothing here asks the software under test what is right: each story says itself
what must have posted, what must be held, which rows must wait and what people must be told.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from services.card_ingest.reasons import Reason
from services.shared.vocabulary.alerts import AlertKind

Event: TypeAlias = Mapping[str, Any]

FIRST_LOAD_PENCE: Final = 500_000
_SHOPS: Final = (
    ("TILLING STORES 0417 MELTON", "5411"),
    ("SQ *HONEYCROFT DAY CENTRE", "8398"),
    ("BRAMBLE HOME CARE LTD", "8050"),
    ("WOLDS TAXIS", "4121"),
    ("ORCHARD PHARMACY", "5912"),
    ("LARKRISE LEISURE", "7997"),
)
_NOTHING: Final[Mapping[Any, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account of the simulation: how the feed names it, its card, and the card that will take its place."""

    ref: str
    card_ref: str
    next_card_ref: str
    cash_permitted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happens, and what must be true of it in the end.

    `events` may come in any order; those in `later` come once all events of the story have been answered. `posted` is
    the effect in pence of every transaction that must stand, by its id.
    """

    account: Account
    events: Sequence[Event]
    later: Sequence[Event | bytes] = ()
    posted: Mapping[str, int] = field(default_factory=dict)
    held_pence: int = 0
    waiting: Mapping[Reason, int] = field(default_factory=dict)
    alerts: Mapping[AlertKind, int] = field(default_factory=dict)


class Scribe:
    """Writes one account's events: ids that no other run has, moments of the last days, amounts that never repeat."""

    def __init__(self, account: Account, *, run: str, random: Random, now: datetime) -> None:
        self.account = account
        self.random = random
        self._run = run
        self._now = now
        self._amounts: set[int] = set()
        self._count = 0

    def id(self) -> str:
        """Return a transaction id that is used once."""
        self._count += 1
        return f"{self._run}-{self.account.ref[-4:]}-{self._count:05d}"

    def pence(self, least: int = 150, most: int = 2_900) -> int:
        """Return an amount that this account has not had, so that no two charges are equal by chance."""
        return self.unused(self.random.randint(least, most))

    def unused(self, pence: int) -> int:
        """Return the first amount from this one on that the account has not had."""
        while pence in self._amounts:
            pence += 1
        self._amounts.add(pence)
        return pence

    def moment(self) -> datetime:
        """Return a moment of the two days before yesterday."""
        return self._now - timedelta(seconds=self.random.randint(90_000, 250_000))

    def event(self, status: str, kind: str, pence: int, named: Event = MappingProxyType({})) -> dict[str, Any]:
        """Return one event of the account's card; what is `named` is added, and replaces."""
        return {
            "provider_transaction_id": self.id(),
            "status": status,
            "type": kind,
            "occurred_at": self.moment().isoformat(),
            "amount_pence": pence,
            "currency": "GBP",
            "card_ref": self.account.card_ref,
            **named,
        }

    def shop(self) -> dict[str, Any]:
        """Return a merchant."""
        name, mcc = self.random.choice(_SHOPS)
        return {"merchant_name": name, "mcc": mcc}


def first_load(scribe: Scribe) -> Story:
    """The council's money comes before anything is spent."""
    event = scribe.event("posted", "load", FIRST_LOAD_PENCE, {"account_ref": scribe.account.ref, "card_ref": None})
    sent = {name: value for name, value in event.items() if value is not None}
    return Story(account=scribe.account, events=[sent], posted={_id(event): FIRST_LOAD_PENCE})


def purchase(scribe: Scribe) -> Story:
    """A purchase that was never authorised, as offline transactions are."""
    kind = scribe.random.choice(["purchase_pos", "purchase_ecom", "fee"])
    return _posted(scribe, scribe.event("posted", kind, scribe.pence(), scribe.shop()))


def refund(scribe: Scribe) -> Story:
    """Money back from a shop."""
    event = scribe.event("posted", "refund", scribe.pence(), scribe.shop())
    return _posted(scribe, event, sign=1)


def authorised_and_cleared(scribe: Scribe) -> Story:
    """An authorisation, and its settlement of the same sum."""
    return _cleared(scribe, share=100)


def partial_clearing(scribe: Scribe) -> Story:
    """A settlement of less than was authorised: what is left of the hold is free."""
    return _cleared(scribe, share=scribe.random.randint(40, 90))


def over_clearing(scribe: Scribe) -> Story:
    """A settlement of more than was authorised, as with tips and fuel."""
    return _cleared(scribe, share=scribe.random.randint(105, 130))


def still_held(scribe: Scribe) -> Story:
    """An authorisation that nothing has ended yet."""
    hold = scribe.event("authorised", "purchase_pos", scribe.pence(), scribe.shop())
    return Story(account=scribe.account, events=[hold], held_pence=hold["amount_pence"])


def released(scribe: Scribe) -> Story:
    """An authorisation that is reversed or expires: nothing is held and nothing has posted."""
    hold = scribe.event("authorised", "purchase_ecom", scribe.pence(), scribe.shop())
    status = scribe.random.choice(["reversed", "expired"])
    end = scribe.event(status, "purchase_ecom", hold["amount_pence"], {"authorisation_id": _id(hold)})
    return Story(account=scribe.account, events=[hold, _after(end, hold)])


def partly_released(scribe: Scribe) -> Story:
    """A part of an authorisation is reversed: the rest is held."""
    hold = scribe.event("authorised", "purchase_pos", scribe.pence(least=1_000), scribe.shop())
    part = scribe.random.randint(100, 900)
    end = scribe.event("reversed", "purchase_pos", part, {"authorisation_id": _id(hold)})
    return Story(account=scribe.account, events=[hold, _after(end, hold)], held_pence=hold["amount_pence"] - part)


def reversed_later(scribe: Scribe) -> Story:
    """A posted purchase is taken back, in whole or in part, by a transaction of its own."""
    event = scribe.event("posted", "purchase_pos", scribe.pence(least=400), scribe.shop())
    back = scribe.random.choice([event["amount_pence"], event["amount_pence"] // 3])
    taken_back = _after(scribe.event("posted", "reversal", back, {"reverses_transaction_id": _id(event)}), event)
    posted = {_id(event): -event["amount_pence"], _id(taken_back): back}
    return Story(account=scribe.account, events=[event, taken_back], posted=posted)


def declined(scribe: Scribe) -> Story:
    """One attempt that was declined: no money moves and nobody need look."""
    attempt = scribe.event("declined", "purchase_pos", scribe.pence(), {"decline_reason": "insufficient_funds"})
    return Story(account=scribe.account, events=[attempt])


def declined_again_and_again(scribe: Scribe) -> Story:
    """Three attempts within minutes that were declined: somebody should look."""
    first = scribe.event("declined", "purchase_pos", scribe.pence(), {"decline_reason": "card_blocked"})
    more = [scribe.event("declined", "purchase_pos", scribe.pence(), {"decline_reason": "card_blocked"}) for _ in "ab"]
    events = [first, *({**each, "occurred_at": first["occurred_at"]} for each in more)]
    return Story(account=scribe.account, events=events, alerts={AlertKind.REPEATED_DECLINES: 1})


def bounced(scribe: Scribe) -> Story:
    """A direct debit that comes back: care or tax may not have been paid."""
    debit = scribe.event("posted", "direct_debit", scribe.pence(), {"reference": "premium"})
    back = _after(scribe.event("posted", "direct_debit_bounce", debit["amount_pence"]), debit)
    posted = {_id(debit): -debit["amount_pence"], _id(back): debit["amount_pence"]}
    alerts = {AlertKind.BOUNCED_DIRECT_DEBIT: 1}
    return Story(account=scribe.account, events=[debit, back], posted=posted, alerts=alerts)


def charged_twice(scribe: Scribe) -> Story:
    """The same sum to the same shop within the hour, under two ids."""
    first = scribe.event("posted", "purchase_pos", scribe.pence(least=2_100, most=2_900), scribe.shop())
    second = {**first, "provider_transaction_id": scribe.id()}
    posted = {_id(each): -first["amount_pence"] for each in (first, second)}
    return Story(account=scribe.account, events=[first, second], posted=posted, alerts={AlertKind.DUPLICATE_CHARGE: 1})


def queried_shop(scribe: Scribe) -> Story:
    """A purchase at a kind of seller that the starting policy asks about."""
    event = scribe.event("posted", "purchase_pos", scribe.pence(), {"merchant_name": "LUCKY SEVEN", "mcc": "7995"})
    return _posted(scribe, event, alerts={AlertKind.QUERIED_MERCHANT: 1})


def cash(scribe: Scribe) -> Story:
    """Cash from a machine: a question where the agreement does not permit it."""
    event = scribe.event("posted", "atm_withdrawal", scribe.pence(), {"mcc": "6011"})
    alerts = {} if scribe.account.cash_permitted else {AlertKind.CASH_WITHOUT_PERMISSION: 1}
    return _posted(scribe, event, alerts=alerts)


def two_versions(scribe: Scribe) -> Story:
    """One id twice with another amount: the first stands, the second waits for two people."""
    event = scribe.event("posted", "purchase_pos", scribe.pence(), scribe.shop())
    other = {**event, "amount_pence": event["amount_pence"] + 7}
    return Story(
        account=scribe.account,
        events=[event],
        later=[other],
        posted={_id(event): -event["amount_pence"]},
        waiting={Reason.SAME_ID_OTHER_CONTENT: 1},
        alerts={AlertKind.DISPUTED_TRANSACTION: 1},
    )


def unusable(scribe: Scribe) -> Story:
    """Rows that no provider should send: each waits alone, with its own reason."""
    fraction = scribe.event("posted", "fee", 0, {"amount": "0.205"})
    del fraction["amount_pence"]
    nobody = scribe.event("posted", "fee", scribe.pence(), {"card_ref": f"{scribe.account.card_ref}-nobody"})
    return Story(
        account=scribe.account,
        events=[],
        later=[fraction, nobody, b'{"provider_transaction_id": "%s", ' % scribe.id().encode()],
        waiting={Reason.AMOUNT_NOT_WHOLE_PENCE: 1, Reason.UNKNOWN_CARD: 1, Reason.BROKEN_JSON_LINE: 1},
    )


def new_card(scribe: Scribe) -> Story:
    """The card is replaced: rows of the new one come before the council has registered it."""
    named = {"card_ref": scribe.account.next_card_ref}
    events = [scribe.event("posted", "purchase_pos", scribe.pence(), scribe.shop() | named) for _ in range(3)]
    hold = scribe.event("authorised", "purchase_pos", scribe.pence(), scribe.shop() | named)
    posted = {_id(each): -each["amount_pence"] for each in events}
    return Story(account=scribe.account, events=[*events, hold], posted=posted, held_pence=hold["amount_pence"])


Tell: TypeAlias = Callable[[Scribe], Story]

USUAL: Final[Sequence[tuple[Tell, int]]] = (
    (purchase, 30),
    (authorised_and_cleared, 22),
    (partial_clearing, 9),
    (over_clearing, 6),
    (refund, 5),
    (still_held, 5),
    (released, 6),
    (partly_released, 4),
    (reversed_later, 6),
)
"""What happens every day, and how often."""

ONCE: Final[Sequence[Sequence[Tell]]] = (
    (new_card, bounced),
    (charged_twice, declined),
    (declined_again_and_again, queried_shop),
    (two_versions, cash),
    (unusable, new_card),
)
"""What happens now and then: each account in turn has the next of these."""


def _posted(scribe: Scribe, event: Event, *, sign: int = -1, alerts: Mapping[AlertKind, int] = _NOTHING) -> Story:
    return Story(
        account=scribe.account, events=[event], posted={_id(event): sign * event["amount_pence"]}, alerts=alerts
    )


def _cleared(scribe: Scribe, *, share: int) -> Story:
    hold = scribe.event("authorised", "purchase_pos", scribe.pence(least=300), scribe.shop())
    pence = hold["amount_pence"] if share == 100 else scribe.unused(hold["amount_pence"] * share // 100)
    shop = {name: hold[name] for name in ("merchant_name", "mcc")}
    event = _after(scribe.event("posted", "purchase_pos", pence, {**shop, "authorisation_id": _id(hold)}), hold)
    return Story(account=scribe.account, events=[hold, event], posted={_id(event): -pence})


def _after(event: Event, earlier: Event) -> dict[str, Any]:
    """Return the event at a moment after another one, as it truly happened."""
    moment = datetime.fromisoformat(earlier["occurred_at"]) + timedelta(minutes=45)
    return {**event, "occurred_at": moment.isoformat()}


def _id(event: Event) -> str:
    return str(event["provider_transaction_id"])
