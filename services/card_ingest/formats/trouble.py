"""What is wrong with a delivery as a whole, so that nothing of it can be read and nothing is stored."""

from typing import Final

from services.shared.errors import Invalid

_ARCHIVES: Final = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"(\xb5/\xfd",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
)


class UnreadableDelivery(Invalid):
    """The bytes are not of the layout they are sent as; the text says so, and that nothing was stored."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{detail}; nothing of it was stored", code=code)


def refuse_archive(start: bytes) -> None:
    """Raise UnreadableDelivery where content that should be text begins as an archive or a workbook does."""
    if start.startswith(_ARCHIVES):
        raise UnreadableDelivery("archive", "the file is an archive or a workbook, and its layout is text")


def workbook_too_large() -> UnreadableDelivery:
    """Return the trouble of a workbook beyond the limits."""
    return UnreadableDelivery("workbook_too_large", "the workbook is larger than is taken")


def broken_workbook() -> UnreadableDelivery:
    """Return the trouble of a workbook whose parts do not fit together."""
    return UnreadableDelivery("broken_workbook", "the file is no workbook of its kind, or cannot be read")


def encrypted_workbook() -> UnreadableDelivery:
    """Return the trouble of a workbook that only its password opens."""
    return UnreadableDelivery("encrypted_workbook", "the workbook is encrypted")


def macros_in_workbook() -> UnreadableDelivery:
    """Return the trouble of a workbook that holds programs."""
    return UnreadableDelivery("macros_in_workbook", "the workbook holds macros")


def formulas_in_workbook() -> UnreadableDelivery:
    """Return the trouble of a workbook whose cells are worked out rather than stated."""
    return UnreadableDelivery("formulas_in_workbook", "cells of the workbook hold formulas")
