"""The gate of every operation: a token that holds, a share of requests that is left, a role that grants it."""

from starlette.requests import Request

from services.shared.identity import Permission
from services.shared.web import rates
from services.shared.web.errors import Forbidden, Unauthenticated


async def admit(request: Request, *, permission: Permission) -> rates.Share:
    """Let a request in: its actor and permission are then in `request.state`.

    Raises Unauthenticated (401), TooManyRequests (429) or Forbidden (403).
    """
    request.state.permission = permission
    shares: rates.Rates = request.app.state.rates
    try:
        actor = await request.app.state.actors.actor(request.headers.get("authorization"))
    except (Unauthenticated, Forbidden) as trouble:
        request.state.actor = getattr(trouble, "bearer", None)
        shares.take(f"address:{request.client.host if request.client else ''}")
        raise
    share = shares.take(actor.name)
    request.state.actor = actor
    request.state.role = actor.role_for(permission)
    if request.state.role is None:
        raise Forbidden(f"none of the caller's roles may {permission.value}", code="no_permission")
    return share
