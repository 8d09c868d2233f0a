"""The one table of who may do what, merged from the tables of the three services and checked as it is read."""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import chain
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

from services.shared.identity.granted import card_ingest, clawback, dp_api
from services.shared.identity.roles import Role

Permission: TypeAlias = dp_api.Operation | card_ingest.Operation | clawback.Operation
Operation = TypeVar("Operation", bound=StrEnum)


class PermissionTableError(RuntimeError):
    """Two services name an operation alike, or one is granted to nobody. A defect of ours."""


def checked(
    operations: Iterable[Operation], granted_to: Mapping[Operation, frozenset[Role]]
) -> Mapping[Operation, frozenset[Role]]:
    """Return who is granted each of the operations, in their order.

    Raises PermissionTableError naming every operation that comes twice or that no role is granted.
    """
    counted = Counter(operations)
    wrong = sorted(name.value for name, times in counted.items() if times > 1 or not granted_to.get(name))
    if wrong:
        raise PermissionTableError(f"named twice, or granted to nobody: {', '.join(wrong)}")
    return MappingProxyType({name: granted_to[name] for name in counted})


_GRANTS = chain[tuple[Permission, frozenset[Role]]](
    dp_api.GRANTED_TO.items(), card_ingest.GRANTED_TO.items(), clawback.GRANTED_TO.items()
)
GRANTED_TO: Final[Mapping[Permission, frozenset[Role]]] = checked(
    chain[Permission](dp_api.Operation, card_ingest.Operation, clawback.Operation), dict(_GRANTS)
)
"""The one table of who may do what: operation -> roles. What is not here, nobody may do."""

NAMED: Final[Mapping[str, Permission]] = MappingProxyType({permission.value: permission for permission in GRANTED_TO})
"""The same operations by the name that their endpoint and their audit action bear."""

PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {role: frozenset(operation for operation, roles in GRANTED_TO.items() if role in roles) for role in Role}
)
"""The same table read the other way: role -> operations."""
