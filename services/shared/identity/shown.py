"""How much of a person's record a role is shown."""

from enum import StrEnum

from services.shared.identity import roles
from services.shared.identity.actor import Actor
from services.shared.identity.permissions import PERMISSIONS, Permission


class FieldSet(StrEnum):
    """How much of a recipient's record a role is shown.

    `care` shows all. `finance` leaves out the primary support reason, ethnicity and date of birth (communication needs
    stay: notices are written to suit them). `audit` shows a pseudonymous record: id, kind, team and zone. `none` shows
    nothing.
    """

    CARE = "care"
    FINANCE = "finance"
    AUDIT = "audit"
    NONE = "none"


def field_set(actor: Actor | None) -> FieldSet:
    """Return the widest set of a recipient's fields that the actor's roles are shown."""
    if actor is None:
        return FieldSet.NONE
    return _widest(actor.roles)


def field_set_for(actor: Actor, permission: Permission) -> FieldSet:
    """Return the widest set of the roles that let the actor do the operation: another role they hold adds nothing."""
    return _widest(frozenset(role for role in actor.roles if permission in PERMISSIONS[role]))


def _widest(held: frozenset[roles.Role]) -> FieldSet:
    if held & roles.CARE:
        return FieldSet.CARE
    if held & roles.FINANCE:
        return FieldSet.FINANCE
    return FieldSet.AUDIT if held & roles.AUDITOR else FieldSet.NONE
