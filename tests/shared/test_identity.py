import pytest

from services.shared import identity
from services.shared.identity import Actor, FieldSet, Permission, Role


def actor(*roles: Role, teams: frozenset[str] | None = None, provider: str | None = None) -> Actor:
    return Actor(name="1001", roles=frozenset(roles), teams=teams, provider=provider)


def test_every_operation_is_granted_to_somebody_and_nothing_else_is_in_the_table() -> None:
    assert set(identity.GRANTED_TO) == set(Permission)
    assert all(identity.GRANTED_TO.values())


def test_the_table_reads_the_same_from_both_sides() -> None:
    pairs = {(role, permission) for permission, roles in identity.GRANTED_TO.items() for role in roles}
    assert pairs == {(role, permission) for role, held in identity.PERMISSIONS.items() for permission in held}


@pytest.mark.parametrize(
    ("role", "permission"),
    [
        (Role.FEED, Permission.LIST_CLAWBACK_CASES),
        (Role.FEED, Permission.READ_RECIPIENT),
        (Role.CARE_WORKER, Permission.ACTIVATE_AGREEMENT),
        (Role.CARE_WORKER, Permission.LIST_CLAWBACK_CASES),
        (Role.FINANCE_OFFICER, Permission.RUN_CLAWBACK),
        (Role.FINANCE_APPROVER, Permission.SET_BUDGET),
        (Role.AUDITOR, Permission.SEARCH_RECIPIENTS),
        (Role.AUDITOR, Permission.WITHDRAW_CLAWBACK_CASE),
        (Role.ADMINISTRATOR, Permission.READ_RECIPIENT),
        (Role.ADMINISTRATOR, Permission.LIST_AUDIT_ENTRIES),
    ],
)
def test_duties_that_must_stay_apart_are_apart(role: Role, permission: Permission) -> None:
    assert not actor(role).may(permission)


def test_of_several_roles_the_first_that_grants_is_the_one_acted_by() -> None:
    both = actor(Role.AUDITOR, Role.FINANCE_OFFICER)
    assert both.role_for(Permission.LIST_AUDIT_ENTRIES) is Role.AUDITOR
    assert both.role_for(Permission.READ_SPEND_REPORT) is Role.FINANCE_OFFICER
    assert both.role_for(Permission.RUN_CLAWBACK) is None


def test_a_machine_of_ours_may_do_nothing_over_http() -> None:
    ours = identity.machine("scheduler")
    assert ours.is_machine
    assert not any(ours.may(permission) for permission in Permission)


def test_teams_limit_what_is_seen_and_none_means_no_limit() -> None:
    assert actor(Role.CARE_WORKER, teams=frozenset({"north"})).sees_team("north")
    assert not actor(Role.CARE_WORKER, teams=frozenset({"north"})).sees_team("south")
    assert not actor(Role.CARE_WORKER, teams=frozenset()).sees_team("north")
    assert actor(Role.AUDITOR).sees_team("south")


def test_a_feed_sees_its_own_provider() -> None:
    assert actor(Role.FEED, provider="acme").sees_provider("acme")
    assert not actor(Role.FEED, provider="acme").sees_provider("other")
    assert actor(Role.FINANCE_OFFICER).sees_provider("acme")


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        (Role.CARE_WORKER, FieldSet.CARE),
        (Role.CARE_MANAGER, FieldSet.CARE),
        (Role.FINANCE_OFFICER, FieldSet.FINANCE),
        (Role.FINANCE_APPROVER, FieldSet.FINANCE),
        (Role.AUDITOR, FieldSet.AUDIT),
        (Role.FEED, FieldSet.NONE),
        (Role.ADMINISTRATOR, FieldSet.NONE),
    ],
)
def test_each_role_is_shown_its_own_set_of_fields(role: Role, shown: FieldSet) -> None:
    assert identity.field_set(actor(role)) is shown
