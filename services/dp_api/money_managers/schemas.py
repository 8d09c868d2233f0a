"""Money managers, in and out."""

from datetime import datetime
from uuid import UUID

from services.shared.values import bodies, fields


class NewMoneyManager(bodies.RequestBody):
    """An organisation that holds direct payments, and its fee in pence a week."""

    name: fields.Line
    weekly_fee_pence: fields.Pence


class MoneyManagerView(bodies.ResponseBody):
    """An organisation that holds direct payments, and its fee in pence a week."""

    id: UUID
    name: str
    weekly_fee_pence: int
    version: int
    created_at: datetime
    updated_at: datetime
