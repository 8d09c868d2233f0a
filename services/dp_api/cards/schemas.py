"""Cards, in: the provider's token and the last four digits, never a full number."""

from pydantic import Field

from services.dp_api.accounts.schemas import ProviderRef
from services.shared.values import bodies, fields


class NewCard(bodies.RequestBody):
    """A card of an account: the provider's token and the last four digits."""

    provider_card_ref: ProviderRef
    last_four: fields.LastFour
    opened_on: fields.Day | None = Field(default=None, description="Today when left out.")
