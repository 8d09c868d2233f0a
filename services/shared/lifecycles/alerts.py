"""Where alerts may move."""

from services.shared.lifecycles.lifecycle import Lifecycle
from services.shared.vocabulary.alerts import AlertStatus

ALERT = Lifecycle("alert", AlertStatus.OPEN, {AlertStatus.OPEN: {"close": AlertStatus.CLOSED}})
