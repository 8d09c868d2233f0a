"""The actor behind a request or a job, and what their roles let them do."""

from dataclasses import dataclass
from typing import Final

from services.shared.identity.permissions import PERMISSIONS, Permission
from services.shared.identity.roles import Role
from services.shared.vocabulary.records import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: a staff member by staff number, or a machine (`machine:...`).

    `teams` is None where the actor is not limited to teams; `provider` is the one feed provider that a `feed` machine
    speaks for. `issuer` and `subject` are the token's, `client` is the application that asked for it; all three are
    empty for our own machines. `service` is set where the machine is one of a service's own.
    """

    name: str
    roles: frozenset[Role]
    teams: frozenset[str] | None = None
    provider: str | None = None
    issuer: str = ""
    subject: str = ""
    client: str = ""
    service: Service | None = None

    @property
    def is_machine(self) -> bool:
        """Tell a machine from a person."""
        return self.name.startswith(MACHINE_PREFIX)

    def may(self, permission: Permission) -> bool:
        """Tell whether any role of the actor grants the operation."""
        return self.role_for(permission) is not None

    def role_for(self, permission: Permission) -> Role | None:
        """Return the role by which the actor does the operation, the first in `Role`'s order, or None."""
        return next((role for role in Role if role in self.roles and permission in PERMISSIONS[role]), None)

    def sees_team(self, code: str) -> bool:
        """Tell whether the actor is shown people and money of the team; anything else is answered as not found."""
        return self.teams is None or code in self.teams

    def sees_provider(self, code: str) -> bool:
        """Tell whether the actor is shown the provider's deliveries: a feed machine sees its own, staff see all."""
        return self.provider is None or self.provider == code


MACHINE_PREFIX: Final = "machine:"


def machine(name: str, service: Service | None = None) -> Actor:
    """Return the actor of an act that nobody asked for over HTTP: a job, the command line. It holds no role."""
    return Actor(name=f"{MACHINE_PREFIX}{name}", roles=frozenset(), service=service)
