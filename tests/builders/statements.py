"""Bank statements in pounds as banks write them: ISO 20022 (camt) and SWIFT MT940."""

from collections.abc import Sequence
from typing import Final

IBAN: Final = "GB33BUKB20201555555555"


def entry(amount: str, way: str = "CRDT", *, booked: str = "2026-11-12", currency: str = "GBP", **parts: str) -> str:
    """Return an entry; `parts` replace its parts by name: `status`, `valued`, `ref`, `code`, `details`, `reversal`."""
    status = parts.get("status", "<Sts>BOOK</Sts>")
    valued = parts.get("valued", booked)
    reference = f"<AcctSvcrRef>{parts['ref']}</AcctSvcrRef>" if "ref" in parts else ""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{way}</CdtDbtInd>{parts.get("reversal", "")}{status}'
        f"<BookgDt><Dt>{booked}</Dt></BookgDt><ValDt><Dt>{valued}</Dt></ValDt>{reference}{parts.get('code', '')}"
        f"{parts.get('details', '')}</Ntry>"
    )


def details(*each: str) -> str:
    """Return the details of an entry."""
    return f"<NtryDtls>{''.join(f'<TxDtls>{one}</TxDtls>' for one in each)}</NtryDtls>"


def balance(kind: str, amount: str, *, on: str = "2026-11-12", way: str = "CRDT", currency: str = "GBP") -> str:
    """Return a stated balance."""
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{amount}</Amt>'
        f"<CdtDbtInd>{way}</CdtDbtInd><Dt><Dt>{on}</Dt></Dt></Bal>"
    )


def statement(
    *entries: str, balances: Sequence[str] = (), id: str = "S1", sequence: str = "1", iban: str = IBAN
) -> str:
    """Return a statement of a camt.053."""
    return (
        f"<Stmt><Id>{id}</Id><ElctrncSeqNb>{sequence}</ElctrncSeqNb><Acct><Id><IBAN>{iban}</IBAN></Id></Acct>"
        f"{''.join(balances)}{''.join(entries)}</Stmt>"
    )


def camt(*statements: str, version: str = "08", message: str = "053") -> bytes:
    """Return a whole document."""
    body = {"053": "BkToCstmrStmt", "054": "BkToCstmrDbtCdtNtfctn"}[message]
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{message}.001.'
        f'{version}"><{body}><GrpHdr><MsgId>M</MsgId></GrpHdr>{"".join(statements)}</{body}></Document>'
    ).encode()


def mt940(
    *lines: str, opening: str = "C261111GBP100,00", closing: str = "C261112GBP100,00", number: str = "1"
) -> bytes:
    """Return one statement of an MT940."""
    fields = [":20:START", f":25:{IBAN}", f":28C:{number}", f":60F:{opening}", *lines, f":62F:{closing}", "-"]
    return ("\r\n".join(fields) + "\r\n").encode()
