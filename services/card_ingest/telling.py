"""What a bank's message says of a payment beside the event: by which another message that tells of it is known."""

import msgspec


class Telling(msgspec.Struct, frozen=True, gc=False):
    """How a bank's message tells of a payment, so that another message which tells of it is known: the layout that read
    it, the entry's number in its file and effect in pence, and every reference by name, the entry's own among them.
    """

    source: str
    entry: int
    entry_pence: int
    references: tuple[tuple[str, str], ...]
