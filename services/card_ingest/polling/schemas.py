"""What an administrator says about a provider's interface, and what is shown of it: never the token."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from services.shared.values import fields
from services.shared.values.bodies import RequestBody, ResponseBody

Address = Annotated[str, StringConstraints(min_length=8, max_length=500, pattern=r"^https?://[!-~]+$")]
ProfileName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Token = Annotated[SecretStr, Field(min_length=8, max_length=4000)]


class FeedPollSettings(RequestBody):
    """Where a provider's interface is and how often it is asked.

    The token is kept encrypted. Left out, the one that is kept stays, as long as the address keeps its host; null
    removes it.
    """

    url: Address
    profile: ProfileName = Field(description="The layout of a page.")
    every_seconds: Annotated[int, Field(ge=10, le=86_400)]
    is_active: bool = Field(default=True, description="Whether it is asked; switching it on asks at once.")
    token: Token | None = Field(default_factory=fields.absent)


class FeedPoll(ResponseBody):
    """How a provider's interface is asked and how it went the last time; the cursor itself is the provider's text."""

    provider: str
    url: str
    profile: str
    has_token: bool
    every_seconds: int
    is_active: bool = Field(description="False too where the provider refused us: set it again to go on.")
    cursor_at: datetime | None = Field(description="When the cursor last moved; null at the beginning.")
    next_at: datetime
    last_at: datetime | None
    last_outcome: str | None
    failures: int = Field(description="Since the last answer that was good.")
