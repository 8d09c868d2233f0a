"""The operations of clawback and the roles that are granted them."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.shared.identity import roles


class Operation(StrEnum):
    """One operation each; the value is the verb that also names the endpoint, the operation and the audit action."""

    LIST_CLAWBACK_CASES = "list_clawback_cases"
    READ_CLAWBACK_CASE = "read_clawback_case"
    WITHDRAW_CLAWBACK_CASE = "withdraw_clawback_case"
    LIST_CLAWBACK_RUNS = "list_clawback_runs"
    READ_CLAWBACK_RUN = "read_clawback_run"
    RUN_CLAWBACK = "run_clawback"


GRANTED_TO: Final[Mapping[Operation, frozenset[roles.Role]]] = MappingProxyType(
    {
        Operation.LIST_CLAWBACK_CASES: roles.CARE_MANAGER | roles.FINANCE | roles.AUDITOR,
        Operation.READ_CLAWBACK_CASE: roles.CARE_MANAGER | roles.FINANCE | roles.AUDITOR,
        Operation.WITHDRAW_CLAWBACK_CASE: roles.FINANCE,
        Operation.LIST_CLAWBACK_RUNS: roles.CARE_MANAGER | roles.FINANCE | roles.AUDITOR,
        Operation.READ_CLAWBACK_RUN: roles.CARE_MANAGER | roles.FINANCE | roles.AUDITOR,
        Operation.RUN_CLAWBACK: roles.FINANCE_APPROVER,
    }
)
"""Operation -> roles. What is not here, nobody may do."""
