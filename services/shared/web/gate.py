"""The gate of every operation: a token or certificate that holds, a share of requests left, a role that grants it.

A provider's machine has a large share, since it sends each event by itself. What is refused it has a person's share of:
each refusal is on record, and the trail is not for whoever sends nonsense to fill.
"""

from starlette.requests import Request

from services.shared.errors import Forbidden
from services.shared.identity.actor import Actor
from services.shared.identity.permissions import Permission
from services.shared.identity.roles import Role
from services.shared.web import rates
from services.shared.web.errors import Unauthenticated, UnknownBearer


async def admit(request: Request, *, permission: Permission) -> rates.Share:
    """Let a request in: its actor and permission are then in `request.state`.

    Raises Unauthenticated (401), TooManyRequests (429) or Forbidden (403).
    """
    request.state.permission = permission
    shares: rates.Rates = request.app.state.rates
    try:
        actor = await request.app.state.actors.bearer(request.headers)
    except (Unauthenticated, UnknownBearer) as trouble:
        request.state.actor = getattr(trouble, "bearer", None)
        shares.take(f"address:{request.client.host if request.client else ''}")
        raise
    share = (request.app.state.feed_rates if _is_machine(actor) else shares).take(actor.name)
    request.state.actor = actor
    request.state.role = actor.role_for(permission)
    if request.state.role is None:
        if _is_machine(actor):
            take_refusal(request)
        raise Forbidden(f"none of the caller's roles may {permission.value}", code="no_permission")
    return share


def take_refusal(request: Request) -> None:
    """Take one from the refusals that a machine which was let in may have. Raises TooManyRequests: none is left."""
    shares: rates.Rates = request.app.state.rates
    shares.take(f"refused:{request.state.actor.name}")


def _is_machine(actor: Actor) -> bool:
    return Role.FEED in actor.roles
