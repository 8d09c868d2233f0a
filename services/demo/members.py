"""Who is on the county's staff: a few of each role in every team, so that anybody may try the software in any part."""

from dataclasses import dataclass

from services.demo.population import TEAM_ZONES
from services.shared.identity.roles import Role


@dataclass(frozen=True, slots=True)
class DemoStaff:
    """A member of staff: the role of their tokens, and the teams whose caseloads they see (care roles alone)."""

    staff_number: str
    role: Role
    teams: tuple[str, ...]


def members() -> tuple[DemoStaff, ...]:
    """Return everybody on the staff; the first of each role is the one that examples use.

    The first care worker covers two teams, every other one their own.
    """
    codes = tuple(TEAM_ZONES)
    return (
        DemoStaff("CW1001", Role.CARE_WORKER, codes[:2]),
        *(DemoStaff(f"CW{1002 + place}", Role.CARE_WORKER, (code,)) for place, code in enumerate(codes)),
        *(DemoStaff(f"CM{2001 + place}", Role.CARE_MANAGER, codes[place : place + 2]) for place in range(0, 6, 2)),
        *(DemoStaff(f"FO{3001 + place}", Role.FINANCE_OFFICER, ()) for place in range(3)),
        *(DemoStaff(f"FA{4001 + place}", Role.FINANCE_APPROVER, ()) for place in range(2)),
        DemoStaff("AU5001", Role.AUDITOR, ()),
        DemoStaff("AD6001", Role.ADMINISTRATOR, ()),
    )


def example(role: Role) -> DemoStaff | None:
    """Return the member of staff who stands for a role in examples; a feed machine is nobody's."""
    return next((member for member in members() if member.role is role), None)
