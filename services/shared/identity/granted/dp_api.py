"""The operations of dp_api, the council's own API, and the roles that are granted them."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.shared.identity import roles


class Operation(StrEnum):
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


GRANTED_TO: Final[Mapping[Operation, frozenset[roles.Role]]] = MappingProxyType(
    {
        Operation.READ_ME: roles.EVERYONE,
        Operation.SET_STAFF_MEMBER: roles.ADMINISTRATOR,
        Operation.LIST_STAFF: roles.ADMINISTRATOR,
        Operation.SET_TEAM: roles.ADMINISTRATOR,
        Operation.LIST_TEAMS: roles.STAFF,
        Operation.REGISTER_RECIPIENT: roles.CARE,
        Operation.AMEND_RECIPIENT: roles.CARE,
        Operation.RECORD_DEATH: roles.CARE,
        Operation.READ_RECIPIENT: roles.CARE | roles.FINANCE | roles.AUDITOR,
        Operation.LIST_RECIPIENTS: roles.CARE | roles.FINANCE,
        Operation.SEARCH_RECIPIENTS: roles.CARE | roles.FINANCE,
        Operation.REGISTER_PERSONAL_ASSISTANT: roles.CARE,
        Operation.ENGAGE_PERSONAL_ASSISTANT: roles.CARE,
        Operation.END_ENGAGEMENT: roles.CARE,
        Operation.READ_PERSONAL_ASSISTANT: roles.CARE,
        Operation.LIST_PERSONAL_ASSISTANTS: roles.CARE,
        Operation.REGISTER_MONEY_MANAGER: roles.FINANCE,
        Operation.READ_MONEY_MANAGER: roles.CARE | roles.FINANCE,
        Operation.LIST_MONEY_MANAGERS: roles.CARE | roles.FINANCE,
        Operation.OPEN_AGREEMENT: roles.CARE,
        Operation.AMEND_AGREEMENT: roles.CARE,
        Operation.ACTIVATE_AGREEMENT: roles.CARE_MANAGER,
        Operation.SUSPEND_AGREEMENT: roles.CARE_MANAGER,
        Operation.RESUME_AGREEMENT: roles.CARE_MANAGER,
        Operation.END_AGREEMENT: roles.CARE_MANAGER,
        Operation.READ_AGREEMENT: roles.CARE | roles.FINANCE | roles.AUDITOR,
        Operation.LIST_AGREEMENTS: roles.CARE | roles.FINANCE | roles.AUDITOR,
        Operation.SET_BUDGET: roles.CARE_MANAGER,
        Operation.LIST_BUDGETS: roles.CARE | roles.FINANCE | roles.AUDITOR,
        Operation.OPEN_ACCOUNT: roles.FINANCE,
        Operation.CLOSE_ACCOUNT: roles.FINANCE,
        Operation.ADD_CARD: roles.FINANCE,
        Operation.CLOSE_CARD: roles.FINANCE,
        Operation.READ_ACCOUNT: roles.CARE | roles.FINANCE | roles.AUDITOR,
        Operation.LIST_ACCOUNTS: roles.CARE | roles.FINANCE | roles.AUDITOR,
        Operation.LIST_ACCOUNT_TRANSACTIONS: roles.CARE | roles.FINANCE | roles.AUDITOR,
        Operation.READ_SPEND_REPORT: roles.FINANCE | roles.AUDITOR,
        Operation.LIST_AUDIT_ENTRIES: roles.AUDITOR,
        Operation.LIST_READ_LOG: roles.AUDITOR,
    }
)
"""Operation -> roles. What is not here, nobody may do."""
