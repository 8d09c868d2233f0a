"""How much of a person's record a role is shown."""

from enum import StrEnum

from services.shared.identity import roles
from services.shared.identity.actor import Actor


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


def field_set(actor: Actor) -> FieldSet:
    """Return the widest set of a recipient's fields that the actor's roles are shown."""
    if actor.roles & roles.CARE:
        return FieldSet.CARE
    if actor.roles & roles.FINANCE:
        return FieldSet.FINANCE
    return FieldSet.AUDIT if actor.roles & roles.AUDITOR else FieldSet.NONE
