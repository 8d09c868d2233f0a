"""Who may do what: roles, the one table from operation to roles, the actor behind a request, what a role is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.shared.vocabulary import Service


class Role(StrEnum):
    """The roles a token can carry, in the order in which the one that grants is looked for."""

    CARE_WORKER = "care_worker"
    CARE_MANAGER = "care_manager"
    FINANCE_OFFICER = "finance_officer"
    FINANCE_APPROVER = "finance_approver"
    AUDITOR = "auditor"
    FEED = "feed"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """One operation each; the value is the verb that also names the endpoint, the operation and the audit action."""

    READ_ME = "read_me"
    SET_STAFF_MEMBER = "set_staff_member"
    LIST_STAFF = "list_staff"
    SET_TEAM = "set_team"
    LIST_TEAMS = "list_teams"

    REGISTER_RECIPIENT = "register_recipient"
    AMEND_RECIPIENT = "amend_recipient"
    RECORD_DEATH = "record_death"
    READ_RECIPIENT = "read_recipient"
    LIST_RECIPIENTS = "list_recipients"
    SEARCH_RECIPIENTS = "search_recipients"

    REGISTER_PERSONAL_ASSISTANT = "register_personal_assistant"
    ENGAGE_PERSONAL_ASSISTANT = "engage_personal_assistant"
    END_ENGAGEMENT = "end_engagement"
    READ_PERSONAL_ASSISTANT = "read_personal_assistant"
    LIST_PERSONAL_ASSISTANTS = "list_personal_assistants"
    REGISTER_MONEY_MANAGER = "register_money_manager"
    READ_MONEY_MANAGER = "read_money_manager"
    LIST_MONEY_MANAGERS = "list_money_managers"

    OPEN_AGREEMENT = "open_agreement"
    AMEND_AGREEMENT = "amend_agreement"
    ACTIVATE_AGREEMENT = "activate_agreement"
    SUSPEND_AGREEMENT = "suspend_agreement"
    RESUME_AGREEMENT = "resume_agreement"
    END_AGREEMENT = "end_agreement"
    READ_AGREEMENT = "read_agreement"
    LIST_AGREEMENTS = "list_agreements"
    SET_BUDGET = "set_budget"
    LIST_BUDGETS = "list_budgets"

    OPEN_ACCOUNT = "open_account"
    CLOSE_ACCOUNT = "close_account"
    ADD_CARD = "add_card"
    CLOSE_CARD = "close_card"
    READ_ACCOUNT = "read_account"
    LIST_ACCOUNTS = "list_accounts"
    LIST_ACCOUNT_TRANSACTIONS = "list_account_transactions"

    READ_SPEND_REPORT = "read_spend_report"
    LIST_AUDIT_ENTRIES = "list_audit_entries"
    LIST_READ_LOG = "list_read_log"

    DELIVER_FEED = "deliver_feed"
    UPLOAD_FEED_FILE = "upload_feed_file"
    READ_DELIVERY = "read_delivery"
    LIST_DELIVERIES = "list_deliveries"
    LIST_DELIVERY_ROWS = "list_delivery_rows"
    LIST_QUARANTINE = "list_quarantine"
    REGISTER_PROVIDER = "register_provider"
    ADD_FEED_KEY = "add_feed_key"
    RETIRE_FEED_KEY = "retire_feed_key"
    LIST_PROVIDERS = "list_providers"
    AMEND_PROVIDER = "amend_provider"
    SET_FEED_POLL = "set_feed_poll"
    TRY_FEED = "try_feed"
    READ_FEED_HEALTH = "read_feed_health"
    LIST_STATEMENTS = "list_statements"
    LIST_FINDINGS = "list_findings"
    CLOSE_FINDING = "close_finding"
    READ_QUARANTINED_ROW = "read_quarantined_row"
    PROPOSE_RESOLUTION = "propose_resolution"
    CONFIRM_RESOLUTION = "confirm_resolution"
    REJECT_RESOLUTION = "reject_resolution"
    LIST_RESOLUTIONS = "list_resolutions"

    LIST_CATEGORIES = "list_categories"
    LIST_CATEGORY_RULES = "list_category_rules"
    ADD_CATEGORY_RULE = "add_category_rule"
    BACKTEST_CATEGORY_RULE = "backtest_category_rule"
    RECATEGORISE_TRANSACTIONS = "recategorise_transactions"
    LIST_CATEGORISATIONS = "list_categorisations"

    LIST_ALERTS = "list_alerts"
    READ_ALERT = "read_alert"
    CLOSE_ALERT = "close_alert"
    LIST_ALERT_POLICIES = "list_alert_policies"
    SET_ALERT_POLICY = "set_alert_policy"

    LIST_CLAWBACK_CASES = "list_clawback_cases"
    READ_CLAWBACK_CASE = "read_clawback_case"
    WITHDRAW_CLAWBACK_CASE = "withdraw_clawback_case"
    LIST_CLAWBACK_RUNS = "list_clawback_runs"
    READ_CLAWBACK_RUN = "read_clawback_run"
    RUN_CLAWBACK = "run_clawback"


_CARE = frozenset({Role.CARE_WORKER, Role.CARE_MANAGER})
_CARE_MANAGER = frozenset({Role.CARE_MANAGER})
_FINANCE = frozenset({Role.FINANCE_OFFICER, Role.FINANCE_APPROVER})
_FINANCE_APPROVER = frozenset({Role.FINANCE_APPROVER})
_AUDITOR = frozenset({Role.AUDITOR})
_FEED = frozenset({Role.FEED})
_ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
_STAFF = frozenset(Role) - _FEED
_EVERYONE = frozenset(Role)

GRANTED_TO: Final[Mapping[Permission, frozenset[Role]]] = MappingProxyType(
    {
        Permission.READ_ME: _EVERYONE,
        Permission.SET_STAFF_MEMBER: _ADMINISTRATOR,
        Permission.LIST_STAFF: _ADMINISTRATOR,
        Permission.SET_TEAM: _ADMINISTRATOR,
        Permission.LIST_TEAMS: _STAFF,
        Permission.REGISTER_RECIPIENT: _CARE,
        Permission.AMEND_RECIPIENT: _CARE,
        Permission.RECORD_DEATH: _CARE,
        Permission.READ_RECIPIENT: _CARE | _FINANCE | _AUDITOR,
        Permission.LIST_RECIPIENTS: _CARE | _FINANCE,
        Permission.SEARCH_RECIPIENTS: _CARE | _FINANCE,
        Permission.REGISTER_PERSONAL_ASSISTANT: _CARE,
        Permission.ENGAGE_PERSONAL_ASSISTANT: _CARE,
        Permission.END_ENGAGEMENT: _CARE,
        Permission.READ_PERSONAL_ASSISTANT: _CARE,
        Permission.LIST_PERSONAL_ASSISTANTS: _CARE,
        Permission.REGISTER_MONEY_MANAGER: _FINANCE,
        Permission.READ_MONEY_MANAGER: _CARE | _FINANCE,
        Permission.LIST_MONEY_MANAGERS: _CARE | _FINANCE,
        Permission.OPEN_AGREEMENT: _CARE,
        Permission.AMEND_AGREEMENT: _CARE,
        Permission.ACTIVATE_AGREEMENT: _CARE_MANAGER,
        Permission.SUSPEND_AGREEMENT: _CARE_MANAGER,
        Permission.RESUME_AGREEMENT: _CARE_MANAGER,
        Permission.END_AGREEMENT: _CARE_MANAGER,
        Permission.READ_AGREEMENT: _CARE | _FINANCE | _AUDITOR,
        Permission.LIST_AGREEMENTS: _CARE | _FINANCE | _AUDITOR,
        Permission.SET_BUDGET: _CARE_MANAGER,
        Permission.LIST_BUDGETS: _CARE | _FINANCE | _AUDITOR,
        Permission.OPEN_ACCOUNT: _FINANCE,
        Permission.CLOSE_ACCOUNT: _FINANCE,
        Permission.ADD_CARD: _FINANCE,
        Permission.CLOSE_CARD: _FINANCE,
        Permission.READ_ACCOUNT: _CARE | _FINANCE | _AUDITOR,
        Permission.LIST_ACCOUNTS: _CARE | _FINANCE | _AUDITOR,
        Permission.LIST_ACCOUNT_TRANSACTIONS: _CARE | _FINANCE | _AUDITOR,
        Permission.READ_SPEND_REPORT: _FINANCE | _AUDITOR,
        Permission.LIST_AUDIT_ENTRIES: _AUDITOR,
        Permission.LIST_READ_LOG: _AUDITOR,
        Permission.DELIVER_FEED: _FEED,
        Permission.UPLOAD_FEED_FILE: _FINANCE,
        Permission.READ_DELIVERY: _FEED | _FINANCE | _AUDITOR,
        Permission.LIST_DELIVERIES: _FEED | _FINANCE | _AUDITOR,
        Permission.LIST_DELIVERY_ROWS: _FEED | _FINANCE | _AUDITOR,
        Permission.LIST_QUARANTINE: _FINANCE | _AUDITOR,
        Permission.REGISTER_PROVIDER: _ADMINISTRATOR,
        Permission.ADD_FEED_KEY: _ADMINISTRATOR,
        Permission.RETIRE_FEED_KEY: _ADMINISTRATOR,
        Permission.LIST_PROVIDERS: _ADMINISTRATOR | _FINANCE | _AUDITOR,
        Permission.AMEND_PROVIDER: _ADMINISTRATOR,
        Permission.SET_FEED_POLL: _ADMINISTRATOR,
        Permission.TRY_FEED: _FEED,
        Permission.READ_FEED_HEALTH: _ADMINISTRATOR | _FINANCE | _AUDITOR,
        Permission.LIST_STATEMENTS: _FINANCE | _AUDITOR,
        Permission.LIST_FINDINGS: _FINANCE | _AUDITOR,
        Permission.CLOSE_FINDING: _FINANCE,
        Permission.READ_QUARANTINED_ROW: _FINANCE,
        Permission.PROPOSE_RESOLUTION: _FINANCE,
        Permission.CONFIRM_RESOLUTION: _FINANCE_APPROVER,
        Permission.REJECT_RESOLUTION: _FINANCE_APPROVER,
        Permission.LIST_RESOLUTIONS: _FINANCE | _AUDITOR,
        Permission.LIST_CATEGORIES: _CARE | _FINANCE | _AUDITOR,
        Permission.LIST_CATEGORY_RULES: _FINANCE | _AUDITOR,
        Permission.ADD_CATEGORY_RULE: _FINANCE_APPROVER,
        Permission.BACKTEST_CATEGORY_RULE: _FINANCE,
        Permission.RECATEGORISE_TRANSACTIONS: _FINANCE,
        Permission.LIST_CATEGORISATIONS: _FINANCE | _AUDITOR,
        Permission.LIST_ALERTS: _CARE | _FINANCE | _AUDITOR,
        Permission.READ_ALERT: _CARE | _FINANCE | _AUDITOR,
        Permission.CLOSE_ALERT: _CARE | _FINANCE,
        Permission.LIST_ALERT_POLICIES: _FINANCE | _AUDITOR,
        Permission.SET_ALERT_POLICY: _FINANCE_APPROVER,
        Permission.LIST_CLAWBACK_CASES: _CARE_MANAGER | _FINANCE | _AUDITOR,
        Permission.READ_CLAWBACK_CASE: _CARE_MANAGER | _FINANCE | _AUDITOR,
        Permission.WITHDRAW_CLAWBACK_CASE: _FINANCE,
        Permission.LIST_CLAWBACK_RUNS: _CARE_MANAGER | _FINANCE | _AUDITOR,
        Permission.READ_CLAWBACK_RUN: _CARE_MANAGER | _FINANCE | _AUDITOR,
        Permission.RUN_CLAWBACK: _FINANCE_APPROVER,
    }
)
"""The one table of who may do what: operation -> roles. What is not here, nobody may do."""

PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {role: frozenset(operation for operation, roles in GRANTED_TO.items() if role in roles) for role in Role}
)
"""The same table read the other way: role -> operations."""

TEAM_BOUND: Final = _CARE
"""Whoever holds one of these roles sees their own teams' caseloads only, whatever other role they hold as well."""


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


def field_set(actor: Actor) -> FieldSet:
    """Return the widest set of a recipient's fields that the actor's roles are shown."""
    if actor.roles & _CARE:
        return FieldSet.CARE
    if actor.roles & _FINANCE:
        return FieldSet.FINANCE
    return FieldSet.AUDIT if actor.roles & _AUDITOR else FieldSet.NONE
