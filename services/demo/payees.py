"""Who is paid with direct payment money: invented businesses, each under a merchant category code (MCC)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from services.shared.vocabulary.money import SpendCategory, TransactionType


@dataclass(frozen=True, slots=True)
class Payee:
    """Somebody who is paid; a bank transfer to a person carries no MCC."""

    name: str
    mcc: str | None


@dataclass(frozen=True, slots=True)
class Trade:
    """How one kind of spending is paid: by what means, how big a payment usually is (pence), and with whom."""

    means: TransactionType
    usual_pence: int
    payees: tuple[Payee, ...]


def _trade(means: TransactionType, usual_pence: int, mcc: str | None, names: str) -> Trade:
    return Trade(means, usual_pence, tuple(Payee(name, mcc) for name in names.split(";")))


_DEBIT = TransactionType.DIRECT_DEBIT
_TRANSFER = TransactionType.FASTER_PAYMENT_OUT
_STANDING = TransactionType.STANDING_ORDER
_SHOP = TransactionType.PURCHASE_POS
_ONLINE = TransactionType.PURCHASE_ECOM

TRADES: Final[Mapping[SpendCategory, Trade]] = MappingProxyType(
    {
        SpendCategory.HOME_CARE: _trade(
            _DEBIT,
            12_000,
            "8050",
            "Lapwing Home Care;Soarside Care at Home;Beacon Hill Homecare;Copperfield Domiciliary;Wreake Valley Carers;"
            "Fosse Lane Home Support;Kindly Hours Care;Two Counties Homecare;Hearthside Helpers;Swithland Care Visits",
        ),
        SpendCategory.DAY_CARE: _trade(
            _TRANSFER,
            5_500,
            "8398",
            "The Weavers Day Centre;Harvest Barn Days;Kiln Street Club;Bright Loom Workshops;Orchard Yard Days",
        ),
        SpendCategory.RESPITE: _trade(
            _TRANSFER,
            62_000,
            "8050",
            "Larkrise Short Breaks;Millrace Respite House;Spinney Lodge Breaks;Quiet Harbour Stays",
        ),
        SpendCategory.SUPPORTED_LIVING: _trade(
            _STANDING, 30_000, "8398", "Rowan Keys Supported Living;Open Latch Homes;Turnpike Supported Tenancies"
        ),
        SpendCategory.AIDS_AND_ADAPTATIONS: _trade(
            _ONLINE, 6_500, "5047", "Steady Step Mobility;Easy Grip Aids;Ramp and Rail Supplies"
        ),
        SpendCategory.TRAVEL: _trade(
            _SHOP, 1_450, "4121", "Greenway Cabs;Charnwood Star Taxis;Kestrel Cars;Wolds Wheels Taxi"
        ),
        SpendCategory.DOMESTIC: _trade(
            _SHOP, 4_200, "7349", "Bright Corner Cleaning;Fresh Start Domestic;Tidy Terrace"
        ),
        SpendCategory.INSURANCE: _trade(_DEBIT, 7_900, "6300", "Employwell Insurance;Safe Harbour Employer Cover"),
        SpendCategory.SOCIAL_ACTIVITIES: _trade(
            _SHOP, 1_600, "7997", "Thursday Table Social Club;Riverside Gym;Steps Dance Group;Allotment Friends"
        ),
        SpendCategory.LEISURE: _trade(_SHOP, 1_350, "7832", "Regal Five Cinema;Palace Picture House;Odd Penny Cinema"),
        SpendCategory.TOURISM: _trade(
            _SHOP, 2_400, "7991", "Wolds Steam Railway;Brambledown Farm Park;Castle Mound Gardens"
        ),
        SpendCategory.RETAIL_HOUSEHOLD: _trade(
            _SHOP, 2_300, "5411", "Marlow Stores;Basket and Barrow;Penny Lane Grocers;Corner House Foods;Granary Market"
        ),
        SpendCategory.PAYROLL_OR_SUPPORT_FEE: _trade(
            _DEBIT, 1_800, "8931", "Plain Figures Payroll;Wage Slip Direct;Paywell Payroll Bureau"
        ),
        SpendCategory.PENSION: _trade(_DEBIT, 2_600, "6300", "Acorn Workplace Pension"),
        SpendCategory.HMRC_TAX: _trade(_TRANSFER, 30_000, "9311", "HMRC PAYE"),
    }
)

QUERIED: Final = (
    Payee("Lucky Furlong Bets", "7995"),
    Payee("The Cork and Crate", "5921"),
    Payee("Furlong Online Casino", "7801"),
    Payee("Silver Clay Tobacconist", "5993"),
)
CASH_MACHINE: Final = Payee("Cash machine, Market Place", "6011")
MONEY_MANAGERS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "Harbourlight Money Management": 1_150,
        "Fosse Ledger Trust": 950,
        "Plain Purse Accounts": 1_200,
        "Wolds Account Keepers": 1_000,
    }
)
"""Invented third-party money managers and their weekly fee in pence."""
