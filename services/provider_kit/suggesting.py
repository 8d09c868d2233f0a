"""A profile drafted from a file: what its headings and the look of its cells suggest, for a person to confirm.

The draft names headings, never what stands in the rows.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from services.card_ingest import currencies, events
from services.provider_kit import sampling
from services.provider_kit.sampling import Column, NoHeadingFound, Sample

Format: TypeAlias = Literal["csv", "xlsx", "xls"]

_DIRECTIONS: Final = {
    "in": ("CR", "C", "CREDIT", "IN", "PAID IN"),
    "out": ("DR", "D", "DEBIT", "OUT", "PAID OUT"),
}
_MOSTLY: Final = 0.5
_SAYS_MONEY: Final = frozenset(
    {"amount", "amt", "value", "gross", "net", "total", "pence", "currency", "ccy", "cur", "curr", "code", "iso"}
)


@dataclass
class _Draft:
    """The columns that are left to be understood, and those that are."""

    left: list[Column]
    found: dict[str, Column] = field(default_factory=dict)

    def take(self, name: str, pattern: str, fits: Callable[[Column], bool] = lambda _: True) -> Column | None:
        """Take the first column left whose heading matches and whose cells fit; by that name it is found."""
        column = next((each for each in self.left if re.search(pattern, each.name) and fits(each)), None)
        if column is not None:
            self.left.remove(column)
            self.found[name] = column
        return column

    def take_first(self, name: str, patterns: Sequence[str], fits: Callable[[Column], bool]) -> None:
        """Take a column by the first of the patterns that one matches."""
        for pattern in patterns:
            if self.take(name, pattern, fits) is not None:
                return


def suggest(content: bytes, *, format: Format, name: str) -> str:
    """Return a profile as TOML, drafted from a file (of a workbook: from its text). Raises NoHeadingFound."""
    sample = sampling.take(content, delimiter=None if format == "csv" else "\t")
    draft = _understood(sample)
    if "booked" not in draft.found or not ({"amount", "debit"} & draft.found.keys()):
        raise NoHeadingFound
    parts = (_head(sample, format, name, draft), _identity(draft), _amount(draft), _rest(draft))
    return "\n".join(line for part in parts for line in part) + "\n"


def _understood(sample: Sample) -> _Draft:
    draft = _Draft([column for column in sample.columns if column.name])
    amounts, dates = _of_amounts, _of_dates
    draft.take_first("booked", (r"post|book|settle|clear", r"date|day|time", r""), dates)
    draft.take("occurred", r"date|day|time", dates)
    draft.take("balance", r"balance", amounts)
    if any(re.search(_OUT, each.name) for each in draft.left) and any(re.search(_IN, each.name) for each in draft.left):
        draft.take("debit", _OUT, lambda column: not column.cells or amounts(column))
        draft.take("credit", _IN, lambda column: not column.cells or amounts(column))
    if "debit" not in draft.found:
        patterns = (r"billing.*(amt|amount)", r"(amt|amount|value|pence)", r"(net|gross|sum|total)")
        draft.take_first("amount", patterns, amounts)
        draft.take("direction", r"direction|dr.?/?.?cr|cr.?/?.?dr|debit.?/?.?credit", _of_ways)
    draft.take("identity", r"transaction.*(id|number|no|ref)|\b(id|uid|reference|ref)\b", lambda one: one.is_unique)
    draft.take("mcc", r"\bmcc\b|category code", lambda column: column.is_all(sampling.is_mcc))
    draft.take("card", r"\bcard\b")
    draft.take("account", r"\baccount\b(?!.*(name|key|type|desc))")
    _pair_currency(draft, [column.heading for column in sample.columns])
    draft.take("merchant_category", r"categor")
    draft.take("merchant_name", r"merchant|supplier|payee|description|narrative|details|counterparty")
    draft.take("reference", r"reference|memo|note")
    return draft


_OUT: Final = r"debit(?!.*credit)|paid out|money out|withdraw|payments? out"
_IN: Final = r"(?<!debit/)credit|paid in|money in|deposit|receipts?\b|payments? in"


def _of_dates(column: Column) -> bool:
    return bool(column.date_formats())


def _of_amounts(column: Column) -> bool:
    return column.is_all(sampling.is_amount)


def _of_ways(column: Column) -> bool:
    known = {word for words in _DIRECTIONS.values() for word in words}
    return column.is_all(lambda cell: cell.upper() in known)


def _of_currencies(column: Column) -> bool:
    return column.is_all(lambda cell: currencies.is_code(cell) or currencies.is_number(cell))


def _pair_currency(draft: _Draft, order: Sequence[str]) -> None:
    """Find the currency column of the amount: the one headed like it, else the one that stands nearest to it."""
    amount = draft.found.get("amount") or draft.found.get("debit")
    named = [each for each in draft.left if currencies.is_name(each.heading) and _of_currencies(each)]
    if amount is None or not named:
        return
    about = _words_about(amount)

    def distance(column: Column) -> tuple[bool, int]:
        return _words_about(column) != about, abs(order.index(column.heading) - order.index(amount.heading))

    nearest = min(named, key=distance)
    draft.left.remove(nearest)
    draft.found["currency"] = nearest


def _words_about(column: Column) -> frozenset[str]:
    """Return what a heading says beside that it is of an amount or a currency (`Billing`, `Original`)."""
    return frozenset(currencies.name_words(column.heading)) - _SAYS_MONEY


def _head(sample: Sample, format: Format, name: str, draft: _Draft) -> Iterator[str]:
    yield "# A draft: every line that says CONFIRM is a guess from one file. A person who knows the feed confirms it."
    is_tabbed = format == "csv" and sample.delimiter == "\t"
    yield f"format = {_text('tsv' if is_tabbed else format)}"
    yield f"name = {_text(name)}  # the file is kept as {name}.toml"
    yield "version = 1"
    yield f"title = {_text(name.replace('_', ' ').capitalize())}"
    if format == "csv":
        yield f"encoding = {_text(sample.encoding.removesuffix('-sig'))}"
    if format == "csv" and not is_tabbed:
        yield f"delimiter = {_text(sample.delimiter)}"
    for key in ("reference", "balance"):
        if key in draft.found:
            yield f"{key} = {_heading(draft, key)}"
    identity = draft.found.get("identity")
    if identity is not None and any(sampling.is_long_number(cell) for cell in identity.cells):
        yield f"identifiers = [{_text(identity.heading)}]  # CONFIRM that these are never card numbers"
    if sample.heading_line > 1:
        yield f"\n[headings]\nwithin_lines = {sample.heading_line}"


def _identity(draft: _Draft) -> Iterator[str]:
    yield "\n[identity]"
    if "identity" in draft.found:
        yield f"columns = [{_heading(draft, 'identity')}]  # CONFIRM that the provider never gives an id twice"
    else:
        yield '# CONFIRM: each file holds every row of the days it has; or, if no two files overlap, "increments".'
        yield 'covers = "complete_days"'


def _amount(draft: _Draft) -> Iterator[str]:
    yield "\n[amount]"
    columns = [draft.found[name] for name in ("amount", "debit", "credit") if name in draft.found]
    has_point = any("." in cell for column in columns for cell in column.cells)
    says_pence = any(re.search(r"pence|minor", column.name) for column in columns)
    doubt = "" if has_point or says_pence else "  # CONFIRM: no amount has a decimal point"
    yield f"written_in = {_text('pence' if says_pence and not has_point else 'pounds')}{doubt}"
    if "debit" in draft.found:
        yield f"debit = {_heading(draft, 'debit')}  # CONFIRM that it is money out of the account"
        yield f"credit = {_heading(draft, 'credit')}  # CONFIRM that it is money into the account"
        return
    yield f"column = {_heading(draft, 'amount')}  # CONFIRM that it is the amount billed to the account"
    if "direction" in draft.found:
        yield f"direction = {_heading(draft, 'direction')}"
        words = (f"{_text(word)} = {_text(way)}" for way, known in _DIRECTIONS.items() for word in known)
        yield f"direction_words = {{ {', '.join(words)} }}  # CONFIRM which way each word goes"
        return
    yield f"positive_is = {_text(_positive(draft))}  # CONFIRM which way the money goes where no sign is written"


def _positive(draft: _Draft) -> str:
    """Guess what a positive amount means: by the running balance, if there is one, else by what there is more of."""
    cells = draft.found["amount"].cells
    if "balance" in draft.found and len(draft.found["balance"].cells) == len(cells):
        after = draft.found["balance"].cells
        rows = [(_pence(amount), _pence(balance)) for amount, balance in zip(cells, after, strict=True)]
        # The oldest row may stand first or last: its neighbour's balance is the one before it.
        moves = [(later, now - before) for (_, before), (later, now) in pairwise(rows)]
        moves += [(later, now - before) for (later, now), (_, before) in pairwise(rows)]
        added = sum(move == amount for amount, move in moves) - sum(move == -amount for amount, move in moves)
        if added:
            return "money_in" if added > 0 else "spend"
    return "money_in" if sum(map(sampling.is_negative, cells)) > len(cells) * _MOSTLY else "spend"


def _pence(text: str) -> int:
    pence = events.pence_of_text(text.strip("£()-"))
    return -pence if sampling.is_negative(text) else pence


def _rest(draft: _Draft) -> Iterator[str]:
    yield "\n[currency]"
    if "currency" in draft.found:
        yield f"column = {_heading(draft, 'currency')}  # CONFIRM that it is the currency of {_amounts_named(draft)}"
    else:
        yield f'always = "GBP"  # CONFIRM: no column was found that names the currency of {_amounts_named(draft)}'
    yield f"\n[dates]\nbooked = {_heading(draft, 'booked')}"
    dates = [draft.found[name] for name in ("booked", "occurred") if name in draft.found]
    if "occurred" in draft.found:
        yield f"occurred = {_heading(draft, 'occurred')}"
    formats = dict.fromkeys(form for column in dates for form in column.date_formats())
    yield f"formats = [{', '.join(map(_text, formats))}]  # CONFIRM that the day stands before the month"
    is_of_cards = bool({"card", "mcc", "merchant_category"} & draft.found.keys())
    out, back = ("purchase_pos", "refund") if is_of_cards else ("faster_payment_out", "faster_payment_in")
    yield "\n[type]  # CONFIRM; a column of type words is named here, with `words`"
    yield f'money_out = "{out}"\nmoney_in = "{back}"'
    yield "\n[account]"
    if "account" in draft.found or "card" in draft.found:
        key = "account" if "account" in draft.found else "card"
        yield f"{'column' if key == 'account' else 'card_column'} = {_heading(draft, key)}"
    else:
        yield 'whole_file = "CONFIRM"  # the provider\'s reference of the one account, or give it with each file'
    merchant = {"name": "merchant_name", "category": "merchant_category", "mcc": "mcc"}
    if any(name in draft.found for name in merchant.values()):
        yield "\n[merchant]"
        yield from (f"{key} = {_heading(draft, name)}" for key, name in merchant.items() if name in draft.found)
    for column in draft.left:
        is_of_money = currencies.is_name(column.heading) or _of_currencies(column)
        doubt = "  # CONFIRM: it names currencies, and rows wait in which it says another than pounds"
        yield f"# not used: {_text(column.heading)}{doubt if is_of_money else ''}"


def _amounts_named(draft: _Draft) -> str:
    return " and ".join(_heading(draft, name) for name in ("amount", "debit", "credit") if name in draft.found)


def _heading(draft: _Draft, name: str) -> str:
    return _text(draft.found[name].heading)


def _text(text: str) -> str:
    """Return a text as TOML writes it, on one line."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
