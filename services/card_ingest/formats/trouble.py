"""What is wrong with a delivery as a whole, so that nothing of it can be read and nothing is stored."""

from services.shared.errors import Invalid


class UnreadableDelivery(Invalid):
    """The bytes are not of the layout they are sent as; the text says so, and that nothing was stored."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{detail}; nothing of it was stored", code=code)
