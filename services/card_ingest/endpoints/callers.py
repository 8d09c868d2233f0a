"""Who may ask about which provider, and how addresses name one."""

from typing import Annotated
from uuid import UUID

from fastapi import Path

from services.shared.errors import NotFound
from services.shared.identity.actor import Actor

Provider = Annotated[str, Path(max_length=40, description="The provider's code.")]
DeliveryId = Annotated[UUID, Path(description="The delivery's id, as its receipt has it.")]


def require_own(caller: Actor, provider: str) -> None:
    """Raise NotFound where the caller speaks for another provider: that there is one is not theirs to know."""
    if not caller.sees_provider(provider):
        raise NotFound("there is no such provider")


def require_same(found: str, provider: str) -> None:
    """Raise NotFound where a delivery is another provider's than the one in the address."""
    if found != provider:
        raise NotFound("there is no such delivery")
