"""Where agreements and their accounts may move."""

from services.shared.lifecycles.lifecycle import Lifecycle
from services.shared.vocabulary.agreements import AccountStatus, AgreementStatus

AGREEMENT = Lifecycle(
    "agreement",
    AgreementStatus.DRAFT,
    {
        AgreementStatus.DRAFT: {"activate": AgreementStatus.ACTIVE, "end": AgreementStatus.ENDED},
        AgreementStatus.ACTIVE: {"suspend": AgreementStatus.SUSPENDED, "end": AgreementStatus.ENDED},
        AgreementStatus.SUSPENDED: {"resume": AgreementStatus.ACTIVE, "end": AgreementStatus.ENDED},
    },
)

ACCOUNT = Lifecycle("account", AccountStatus.OPEN, {AccountStatus.OPEN: {"close": AccountStatus.CLOSED}})
