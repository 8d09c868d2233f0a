"""The parts of an ISO 20022 statement, each once it is complete: account, balances, entries and their details."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from services.card_ingest import statements
from services.card_ingest.formats import joining
from services.card_ingest.statements import Balance, Moved, StatementEnd, StatementRow

MOST_BALANCES: Final = 1_000
_REFERENCES: Final = ("AcctSvcrRef", "TxId", "EndToEndId", "InstrId", "PmtInfId", "MsgId", "MndtId", "NtryRef", "UETR")
_BOOKED: Final = "BOOK"


class Node:
    """An element: its local name (empty in a foreign namespace), the currency it states, its text, what is in it."""

    __slots__ = ("children", "currency", "name", "parts")

    def __init__(self, name: str, currency: str = "") -> None:
        self.name = name
        self.currency = currency
        self.parts: list[str] = []
        self.children: list[Node] = []

    @property
    def text(self) -> str:
        """The element's own text, trimmed."""
        return "".join(self.parts).strip()

    def all(self, *path: str) -> list["Node"]:
        """Return every element that stands at the path below this one."""
        found = [self]
        for name in path:
            found = [child for node in found for child in node.children if child.name == name]
        return found

    def first(self, *path: str) -> str:
        """Return the text of the first element at the path, empty where there is none."""
        found = self.all(*path)
        return found[0].text if found else ""


class Header:
    """One statement as far as it has been read."""

    def __init__(self) -> None:
        self._account: dict[str, str] = {}
        self._said: dict[str, str] = {}
        self._balances: list[Balance] = []
        self._moved = Moved()
        self._entries = 0

    def take(self, part: Node) -> list[StatementRow]:
        """Take the next part of the statement, and return the rows that it makes."""
        if part.name == "Acct":
            self._account = _account(part)
        elif part.name == "Bal" and len(self._balances) < MOST_BALANCES:
            self._balances.append(_balance(part))
        elif part.name in {"Id", "ElctrncSeqNb", "LglSeqNb"}:
            self._said.setdefault(part.name, part.text)
        elif part.name == "Ntry":
            return self._entry(part)
        return []

    def end(self) -> StatementEnd:
        """Return the statement's end."""
        return StatementEnd(
            account=self._account,
            reference=self._said.get("Id", ""),
            sequence=self._said.get("ElctrncSeqNb") or self._said.get("LglSeqNb", ""),
            balances=self._balances,
            moved=self._moved.sums,
            entries=self._moved.entries,
            unread=self._moved.unread,
        )

    def _entry(self, entry: Node) -> list[StatementRow]:
        amount, currency = _amount(entry)
        effect = statements.signed(statements.decimal_of(amount), is_credit=_is_credit(entry))
        if _status(entry) == _BOOKED:
            self._moved.add(effect, currency=currency, valued=_day(entry, "ValDt"))
        self._entries += 1
        details = entry.all("NtryDtls", "TxDtls")
        if details and effect is not None and _sum(details, entry, currency) == effect:
            return [
                self._row(entry, detail, place=place if len(details) > 1 else 0)
                for place, detail in enumerate(details, 1)
            ]
        return [self._row(entry, details[0] if len(details) == 1 else None, is_whole=True)]

    def _row(self, entry: Node, detail: Node | None, *, place: int = 0, is_whole: bool = False) -> StatementRow:
        """Return the row of an entry or of one of its details; a detail that is no row of its own tells the rest."""
        about = detail or entry
        amount, currency = _amount(entry) if is_whole or detail is None else _detail_amount(detail)
        is_credit = _is_credit(entry) if is_whole or detail is None else _is_detail_credit(detail, entry)
        return StatementRow(
            raw=_written(entry, detail),
            account=self._account,
            amount=amount,
            currency=currency,
            is_credit=is_credit,
            is_reversal=entry.first("RvslInd") in {"true", "1"},
            status=_status(entry),
            booked=_day(entry, "BookgDt") or _day(entry, "ValDt"),
            valued=_day(entry, "ValDt"),
            occurred=about.first("RltdDts", "TxDtTm") or about.first("RltdDts", "AccptncDtTm"),
            references=_references(entry, detail, place=place),
            counterparty=_counterparty(about, is_credit=is_credit),
            remittance=_remittance(about) or entry.first("AddtlNtryInf"),
            code=(_code(detail) if detail else "") or _code(entry),
            entry=self._entries,
            entry_amount=statements.signed(statements.decimal_of(_amount(entry)[0]), is_credit=_is_credit(entry)),
            entry_references=_entry_references(entry),
        )


def _account(part: Node) -> dict[str, str]:
    found = {
        "iban": part.first("Id", "IBAN"),
        "other": part.first("Id", "Othr", "Id"),
        "bank": part.first("Svcr", "FinInstnId", "ClrSysMmbId", "MmbId"),
    }
    return {name: text for name, text in found.items() if text}


def _balance(part: Node) -> Balance:
    kind = part.first("Tp", "CdOrPrtry", "Cd") or part.first("Tp", "CdOrPrtry", "Prtry") or part.first("Tp", "Cd")
    amount, currency = _amount(part)
    return Balance(
        kind, statements.signed(statements.decimal_of(amount), is_credit=_is_credit(part)), currency, _day(part, "Dt")
    )


def _amount(part: Node) -> tuple[str, str]:
    found = part.all("Amt")
    return (found[0].text, found[0].currency) if found else ("", "")


def _is_credit(part: Node) -> bool | None:
    return {"CRDT": True, "DBIT": False}.get(part.first("CdtDbtInd"))


def _status(entry: Node) -> str:
    """Return an entry's status, which is a text up to version .07 and a code within from .08."""
    return entry.first("Sts", "Cd") or entry.first("Sts", "Prtry") or entry.first("Sts")


def _day(part: Node, name: str) -> str:
    """Return a day or time, as it is written."""
    return part.first(name, "DtTm") or part.first(name, "Dt")


def _detail_amount(detail: Node) -> tuple[str, str]:
    """Return a detail's own amount, which versions before .04 keep among its amount details."""
    found = detail.all("Amt") or detail.all("AmtDtls", "TxAmt", "Amt")
    return (found[0].text, found[0].currency) if found else ("", "")


def _is_detail_credit(detail: Node, entry: Node) -> bool | None:
    return _is_credit(detail) if detail.all("CdtDbtInd") else _is_credit(entry)


def _sum(details: Sequence[Node], entry: Node, currency: str) -> Decimal | None:
    """Return what the details add up to; None where one has no amount in the entry's currency that a row could have."""
    total = Decimal()
    for detail in details:
        text, of_detail = _detail_amount(detail)
        effect = statements.signed(statements.decimal_of(text), is_credit=_is_detail_credit(detail, entry))
        if effect is None or of_detail != currency or not _is_of_pence(text):
            return None
        total += effect
    return total


def _is_of_pence(text: str) -> bool:
    """Tell whether an amount is one of a row: above nil, in whole pence."""
    amount = statements.decimal_of(text)
    return amount is not None and amount > 0 and amount * 100 % 1 == 0


def _references(entry: Node, detail: Node | None, *, place: int) -> dict[str, str]:
    """Return the references by name: the detail's own, and those of the entry with the detail's place behind them."""
    own = {} if detail is None else {name: detail.first("Refs", name) for name in _REFERENCES}
    shared = {name: entry.first(name) for name in _REFERENCES}
    behind = f"/{place}" if place else ""
    found = {name: own.get(name) or (shared[name] and shared[name] + behind) for name in _REFERENCES}
    return {name: text for name, text in found.items() if text and not text.startswith("NOTPROVIDED")}


def _entry_references(entry: Node) -> dict[str, str]:
    """Return the references of a whole entry, its batch's among them."""
    shared = {name: entry.first(name) for name in _REFERENCES}
    batch = {"PmtInfId": entry.first("NtryDtls", "Btch", "PmtInfId")}
    return {name: text for name, text in (shared | batch).items() if text and not text.startswith("NOTPROVIDED")}


def _counterparty(about: Node, *, is_credit: bool | None) -> str:
    """Return the name of whoever is on the other side: who pays, of money that came in; else who is paid."""
    sides = ("Dbtr", "UltmtDbtr") if is_credit else ("Cdtr", "UltmtCdtr")
    for owner in (about, *about.all("NtryDtls", "TxDtls")[:1]):
        for side in sides:
            if name := owner.first("RltdPties", side, "Nm") or owner.first("RltdPties", side, "Pty", "Nm"):
                return name
    return ""


def _remittance(about: Node) -> str:
    texts = [node.text for node in about.all("RmtInf", "Ustrd")]
    texts += [node.text for node in about.all("RmtInf", "Strd", "CdtrRefInf", "Ref")]
    return joining.joined(texts) or about.first("AddtlTxInf")


def _code(node: Node) -> str:
    """Return the bank transaction code: domain, family and sub-family, or the bank's own."""
    domain = node.all("BkTxCd", "Domn")
    if domain:
        parts = (domain[0].first("Cd"), domain[0].first("Fmly", "Cd"), domain[0].first("Fmly", "SubFmlyCd"))
        return "/".join(part for part in parts if part)
    return node.first("BkTxCd", "Prtry", "Cd")


def _written(entry: Node, detail: Node | None) -> bytes:
    """Write an entry down again for whoever has to look at it: of its details, only the one that the row is of."""
    lines = [line for child in entry.children if child.name != "NtryDtls" for line in _lines(child, "Ntry")]
    lines += [] if detail is None else _lines(detail, "Ntry/NtryDtls")
    return "\n".join(lines).encode()


def _lines(node: Node, above: str) -> Iterator[str]:
    path = f"{above}/{node.name}"
    if node.text or not node.children:
        yield f"{path} = {node.text} {node.currency}".rstrip()
    for child in node.children:
        yield from _lines(child, path)
