"""Who looks at which alert. Pure: roles in, routes out."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.shared.identity.roles import Role
from services.shared.vocabulary.alerts import AlertRoute

_BOTH: Final = frozenset(AlertRoute)
_CARE: Final = frozenset({AlertRoute.CARE_PATHWAY})
_FINANCE: Final = frozenset({AlertRoute.FINANCE})
_NONE: Final[frozenset[AlertRoute]] = frozenset()

_SEES: Final[Mapping[Role, frozenset[AlertRoute]]] = MappingProxyType(
    {
        Role.CARE_WORKER: _CARE,
        Role.CARE_MANAGER: _CARE,
        Role.FINANCE_OFFICER: _BOTH,
        Role.FINANCE_APPROVER: _BOTH,
        Role.AUDITOR: _BOTH,
    }
)
_CLOSES: Final[Mapping[Role, frozenset[AlertRoute]]] = MappingProxyType(
    {
        Role.CARE_WORKER: _CARE,
        Role.CARE_MANAGER: _CARE,
        Role.FINANCE_OFFICER: _FINANCE,
        Role.FINANCE_APPROVER: _FINANCE,
    }
)


def routes_seen(roles: frozenset[Role]) -> frozenset[AlertRoute]:
    """Return the routes whose alerts somebody of these roles is shown: care pathway staff see their own, finance and
    auditors both, since money and support are two sides of one question.

    Council policy: safeguarding signals go to the care pathway, not to finance alone (Direct Payments Development Plan
    2018-2023, s.11; Care and Support Statutory Guidance, ch. 14).
    """
    return _NONE.union(*(_SEES.get(role, _NONE) for role in roles))


def routes_closed(roles: frozenset[Role]) -> frozenset[AlertRoute]:
    """Return the routes whose alerts somebody of these roles may close: each side closes its own, auditors none.

    Council policy: whoever is asked to look says what came of it; nobody else says it for them (Direct Payments
    Development Plan 2018-2023, s.11).
    """
    return _NONE.union(*(_CLOSES.get(role, _NONE) for role in roles))


def reasons_shown(roles: frozenset[Role]) -> frozenset[AlertRoute]:
    """Return the routes whose reasons for closing somebody of these roles is shown: their own; auditors see all.

    Council policy: why a safeguarding question was settled is the care pathway's to know (UK GDPR, art. 5(1)(c)).
    """
    return _BOTH if Role.AUDITOR in roles else routes_closed(roles)
