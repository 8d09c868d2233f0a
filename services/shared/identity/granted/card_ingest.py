"""The operations of card_ingest, the feeds of card and bank events, and the roles that are granted them."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.shared.identity import roles


class Operation(StrEnum):
    """One operation each; the value is the verb that also names the endpoint, the operation and the audit action."""

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
    LIST_PAYMENT_MATCHES = "list_payment_matches"

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


GRANTED_TO: Final[Mapping[Operation, frozenset[roles.Role]]] = MappingProxyType(
    {
        Operation.DELIVER_FEED: roles.FEED,
        Operation.UPLOAD_FEED_FILE: roles.FINANCE,
        Operation.READ_DELIVERY: roles.FEED | roles.FINANCE | roles.AUDITOR,
        Operation.LIST_DELIVERIES: roles.FEED | roles.FINANCE | roles.AUDITOR,
        Operation.LIST_DELIVERY_ROWS: roles.FEED | roles.FINANCE | roles.AUDITOR,
        Operation.LIST_QUARANTINE: roles.FINANCE | roles.AUDITOR,
        Operation.REGISTER_PROVIDER: roles.ADMINISTRATOR,
        Operation.ADD_FEED_KEY: roles.ADMINISTRATOR,
        Operation.RETIRE_FEED_KEY: roles.ADMINISTRATOR,
        Operation.LIST_PROVIDERS: roles.ADMINISTRATOR | roles.FINANCE | roles.AUDITOR,
        Operation.AMEND_PROVIDER: roles.ADMINISTRATOR,
        Operation.SET_FEED_POLL: roles.ADMINISTRATOR,
        Operation.TRY_FEED: roles.FEED,
        Operation.READ_FEED_HEALTH: roles.ADMINISTRATOR | roles.FINANCE | roles.AUDITOR,
        Operation.LIST_STATEMENTS: roles.FINANCE | roles.AUDITOR,
        Operation.LIST_FINDINGS: roles.FINANCE | roles.AUDITOR,
        Operation.CLOSE_FINDING: roles.FINANCE,
        Operation.READ_QUARANTINED_ROW: roles.FINANCE,
        Operation.PROPOSE_RESOLUTION: roles.FINANCE,
        Operation.CONFIRM_RESOLUTION: roles.FINANCE_APPROVER,
        Operation.REJECT_RESOLUTION: roles.FINANCE_APPROVER,
        Operation.LIST_RESOLUTIONS: roles.FINANCE | roles.AUDITOR,
        Operation.LIST_PAYMENT_MATCHES: roles.FINANCE | roles.AUDITOR,
        Operation.LIST_CATEGORIES: roles.CARE | roles.FINANCE | roles.AUDITOR,
        Operation.LIST_CATEGORY_RULES: roles.FINANCE | roles.AUDITOR,
        Operation.ADD_CATEGORY_RULE: roles.FINANCE_APPROVER,
        Operation.BACKTEST_CATEGORY_RULE: roles.FINANCE,
        Operation.RECATEGORISE_TRANSACTIONS: roles.FINANCE,
        Operation.LIST_CATEGORISATIONS: roles.FINANCE | roles.AUDITOR,
        Operation.LIST_ALERTS: roles.CARE | roles.FINANCE | roles.AUDITOR,
        Operation.READ_ALERT: roles.CARE | roles.FINANCE | roles.AUDITOR,
        Operation.CLOSE_ALERT: roles.CARE | roles.FINANCE,
        Operation.LIST_ALERT_POLICIES: roles.FINANCE | roles.AUDITOR,
        Operation.SET_ALERT_POLICY: roles.FINANCE_APPROVER,
    }
)
"""Operation -> roles. What is not here, nobody may do."""
