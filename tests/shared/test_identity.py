import pytest

from services.shared.identity.actor import Actor, machine
from services.shared.identity.granted import card_ingest, clawback, dp_api
from services.shared.identity.permissions import GRANTED_TO, PERMISSIONS, Permission, PermissionTableError, checked
from services.shared.identity.roles import Role
from services.shared.identity.shown import FieldSet, field_set


def actor(*roles: Role, teams: frozenset[str] | None = None, provider: str | None = None) -> Actor:
    return Actor(name="1001", roles=frozenset(roles), teams=teams, provider=provider)


def test_every_operation_is_granted_to_somebody_and_nothing_else_is_in_the_table() -> None:
    assert set(GRANTED_TO) == {*dp_api.Operation, *card_ingest.Operation, *clawback.Operation}
    assert all(GRANTED_TO.values())


def test_an_operation_that_two_services_name_or_nobody_is_granted_is_refused() -> None:
    runs = clawback.Operation.RUN_CLAWBACK
    for operations, granted in (
        ([runs, runs], {runs: frozenset({Role.AUDITOR})}),
        ([runs], {}),
        ([runs], {runs: frozenset[Role]()}),
    ):
        with pytest.raises(PermissionTableError, match="run_clawback"):
            checked(operations, granted)


def test_the_table_reads_the_same_from_both_sides() -> None:
    pairs = {(role, permission) for permission, roles in GRANTED_TO.items() for role in roles}
    assert pairs == {(role, permission) for role, held in PERMISSIONS.items() for permission in held}


@pytest.mark.parametrize(
    ("role", "permission"),
    [
        (Role.FEED, clawback.Operation.LIST_CLAWBACK_CASES),
        (Role.FEED, dp_api.Operation.READ_RECIPIENT),
        (Role.CARE_WORKER, dp_api.Operation.ACTIVATE_AGREEMENT),
        (Role.CARE_WORKER, clawback.Operation.LIST_CLAWBACK_CASES),
        (Role.FINANCE_OFFICER, clawback.Operation.RUN_CLAWBACK),
        (Role.FINANCE_APPROVER, dp_api.Operation.SET_BUDGET),
        (Role.AUDITOR, dp_api.Operation.SEARCH_RECIPIENTS),
        (Role.AUDITOR, clawback.Operation.WITHDRAW_CLAWBACK_CASE),
        (Role.ADMINISTRATOR, dp_api.Operation.READ_RECIPIENT),
        (Role.ADMINISTRATOR, dp_api.Operation.LIST_AUDIT_ENTRIES),
    ],
)
def test_duties_that_must_stay_apart_are_apart(role: Role, permission: Permission) -> None:
    assert not actor(role).may(permission)


def test_of_several_roles_the_first_that_grants_is_the_one_acted_by() -> None:
    both = actor(Role.AUDITOR, Role.FINANCE_OFFICER)
    assert both.role_for(dp_api.Operation.LIST_AUDIT_ENTRIES) is Role.AUDITOR
    assert both.role_for(dp_api.Operation.READ_SPEND_REPORT) is Role.FINANCE_OFFICER
    assert both.role_for(clawback.Operation.RUN_CLAWBACK) is None


def test_a_machine_of_ours_may_do_nothing_over_http() -> None:
    ours = machine("scheduler")
    assert ours.is_machine
    assert not any(ours.may(permission) for permission in GRANTED_TO)


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
    assert field_set(actor(role)) is shown
