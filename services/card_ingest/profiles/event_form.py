"""The form of a profile for JSON events of another shape than ours: where the events stand, and where in each of them
every field does. A path is names joined by full stops (`data.object.id`); a whole number is a place in an array,
counted from its end where it is negative. Where several paths are given, the first that holds a plain value counts.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from services.card_ingest.profiles.table import Part
from services.shared.vocabulary.money import EventStatus, TransactionType

Paths: TypeAlias = str | list[str]
"""Where a field stands, or the places where it may stand."""


class EventAmount(Part, frozen=True):
    """Where the amount stands, how it is written, and what its sign says.

    `minor_units` is a whole number of pence, `pounds` is decimal text; a float is neither. `magnitude` has no sign: the
    type of the event says which way the money goes.
    """

    path: Paths
    written_in: Literal["minor_units", "pounds"]
    positive_is: Literal["money_in", "spend", "magnitude"]


class Override(Part, frozen=True):
    """A status that goes before the word's: where the path holds this very value."""

    path: str
    equals: bool | int | str
    status: EventStatus


class EventStatuses(Part, frozen=True):
    """Where the event stands: the first override that holds, else its word, else always the same.

    Words in `silent` say nothing new about money: such a row is counted, and moves none.
    """

    always: EventStatus | None = None
    path: Paths | None = None
    words: Mapping[str, EventStatus] = {}
    silent: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        if (self.always is None) == (self.path is None):
            raise ValueError("a status is either found by its word or always the same")


class EventTypes(Part, frozen=True):
    """The transaction type: by the merchant category code, else by its word, else by the way the money goes."""

    money_out: TransactionType
    money_in: TransactionType
    path: Paths | None = None
    words: Mapping[str, TransactionType] = {}
    by_mcc: Mapping[str, TransactionType] = {}


class EventMerchant(Part, frozen=True):
    """The merchant's fields; its amount is in its own minor units, and only told where the currency is another."""

    name: Paths | None = None
    category: Paths | None = None
    mcc: Paths | None = None
    amount: Paths | None = None
    currency: Paths | None = None


class EventKind(Part, frozen=True, kw_only=True):
    """How events of one kind are read: those whose kind is one of `words`, or all, where the profile names no kind."""

    words: tuple[str, ...] = ()
    identity: Annotated[list[Paths], Meta(min_length=1)]
    amount: EventAmount
    currency: Paths
    status: EventStatuses
    type: EventTypes
    occurred: Paths
    booked: Paths | None = None
    card: Paths | None = None
    account: Paths | None = None
    merchant: EventMerchant = EventMerchant()
    authorisation: Paths | None = None
    reverses: Paths | None = None
    reference: Paths | None = None
    decline_reason: Paths | None = None


class JsonEventsProfile(Part, frozen=True, tag_field="format", tag="json_events", kw_only=True):
    """A feed of JSON events of a provider's own shape; a change that reads a row differently is a new `version`.

    `events` is the path of the array of events, or of the one event; empty, it is the body itself. `kind` is the path
    of the word for what an event tells; words in `silent`, and those that begin with one that ends in `*`, tell nothing
    of money. `fields` is where the fields of each event stand, empty for the event itself. Amounts are counted as
    magnitudes, since kinds differ in what their sign says.
    """

    name: str
    version: int
    title: str
    times: Literal["epoch_seconds", "epoch_milliseconds", "rfc3339"]
    events: str = ""
    kind: str | None = None
    fields: str = ""
    silent: tuple[str, ...] = ()
    kinds: Annotated[list[EventKind], Meta(min_length=1)]

    def __post_init__(self) -> None:
        words = [word for kind in self.kinds for word in kind.words]
        if len(words) != len(set(words)) or (self.kind is None) != (not words):
            raise ValueError("each word for a kind is given once, and none where the profile names no kind")
