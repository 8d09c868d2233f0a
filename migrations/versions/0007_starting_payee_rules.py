"""The first rules for merchants' and payees' names, and for payees whom the council has registered.

They are few on purpose, and each says why it is there: a name decides only where it says the same whatever the till,
and by whole words. Where a word is somebody's surname or another trade's as well (care, nest, shell, boots, iceland) it
has no rule alone. What the schemes of direct payment cards usually block has none either: it stays uncategorised and is
seen. A longer rule goes before a shorter one, so a chain's bank is not its shop.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# As the rules for codes and types: from the day on which the Care Act 2014 came into force.
EFFECTIVE_FROM = "2015-04-01"
MADE_BY = "machine:migration"

REGISTERED = (
    ("registered personal assistant", "personal_assistant", "registered as employed by the person on the booking day"),
    ("money manager of the agreement", "money_manager_fee", "the money manager whom the agreement names"),
)

PAYEES = (("NEST", "pension", "NEST collects pension contributions; as part of a longer name it may be anything"),)

SHOP = "a supermarket; a feed without codes would leave it uncategorised"
STORE = "a chain of shops; a feed without codes would leave it uncategorised"
FORECOURT = "sells fuel"
MEALS = "serves meals"
PENSIONS = "a workplace pension scheme"
TAX = "HM Revenue and Customs, for a personal assistant's tax and national insurance"
CARE = "the words name care at home, which no other trade uses"
BANKING = "a bank or bureau of the chain and not its shop: a person looks at it"

SUPERMARKETS = ("ALDI", "ASDA", "CO OP FOOD", "LIDL", "MORRISONS", "OCADO", "SAINSBURYS", "TESCO", "WAITROSE")
STORES = (
    *("AMAZON", "ARGOS", "B&M", "B&Q", "CURRYS", "DUNELM", "HOME BARGAINS", "IKEA", "MARKS & SPENCER", "POUNDLAND"),
    *("POUNDSTRETCHER", "PRIMARK", "SUPERDRUG", "WILKO"),
)
FORECOURTS = (
    *("PETROL", "FSTN", "FUELS", "SERVICE STATION", "SERVICE STATIONS"),
    *("APPLEGREEN", "ESSO", "MALTHURST", "MRH", "RONTEC", "TEXACO"),
)
EATING_OUT = ("BURGER KING", "COSTA COFFEE", "GREGGS", "KFC", "MCDONALDS", "PIZZA HUT", "STARBUCKS", "SUBWAY")
WITH_A_BANK = ("ASDA", "SAINSBURYS", "TESCO")

MERCHANTS = (
    *((name, "retail_household", SHOP) for name in SUPERMARKETS),
    *((name, "retail_household", STORE) for name in STORES),
    *((f"{name} PETROL", "travel", FORECOURT) for name in SUPERMARKETS),
    *((name, "travel", FORECOURT) for name in FORECOURTS),
    *((f"{name} {counter}", "uncategorised", BANKING) for name in WITH_A_BANK for counter in ("BANK", "MONEY", "CASH")),
    *((f"{name} INSURANCE", "insurance", "an insurer under the chain's name") for name in WITH_A_BANK),
    ("AMAZON DIGITAL", "leisure", "music, films and books to look at, and the membership"),
    ("INSURANCE", "insurance", "the word names the trade"),
    ("HMRC", "hmrc_tax", TAX),
    ("HM REVENUE", "hmrc_tax", TAX),
    ("H M REVENUE", "hmrc_tax", TAX),
    ("NATIONAL INSURANCE", "hmrc_tax", "the words hold the name of another trade"),
    *((name, "pension", PENSIONS) for name in ("NEST PENSION", "NEST PENSIONS", "NEST CORPORATION")),
    *((name, "pension", PENSIONS) for name in ("NOW PENSIONS", "PEOPLES PENSION", "SMART PENSION")),
    ("PAYROLL", "payroll_or_support_fee", "the word names the service"),
    *((name, "home_care", CARE) for name in ("CARE AT HOME", "DOMICILIARY CARE", "HOME CARE", "HOMECARE")),
    ("LIVE IN CARE", "home_care", CARE),
    ("BRITISH GAS", "retail_household", "energy, and cover for boilers that it sells as HomeCare"),
    ("DAY CENTRE", "day_care", "the words name the service"),
    ("RESPITE", "respite", "the word names the service"),
    ("SUPPORTED LIVING", "supported_living", "the words name the service"),
    ("COMPLETE CARE SHOP", "aids_and_adaptations", "sells daily living aids"),
    ("MOTABILITY", "travel", "leases cars, scooters and powered wheelchairs to disabled people"),
    ("DVLA VEHICLE TAX", "travel", "the duty on a vehicle"),
    *((name, "travel", "takes people about") for name in ("ARRIVA", "NATIONAL EXPRESS", "NORTHERN RAIL", "STAGECOACH")),
    *((name, "travel", "sells rail tickets") for name in ("LNER", "TRAINLINE")),
    *((name, "travel", "the word names the trade") for name in ("CABS", "TAXI", "TAXIS")),
    *((name, "social_activities", MEALS) for name in EATING_OUT),
    *((name, "leisure", "the word names the trade") for name in ("CINEMA", "CINEMAS", "ODEON")),
    *((name, "tourism", "an inn or hotel of a chain") for name in ("PREMIER INN", "TRAVELODGE")),
    *((name, "retail_household", "a household bill") for name in ("TVLICENSING", "TV LICENSING", "UTILITA")),
)

INSERT = """
INSERT INTO category_rule (merchant, payee, category, effective_from, made_by, reason)
VALUES ($1, $2, $3, '{effective_from}', '{made_by}', $4)
"""
DELETE = "DELETE FROM category_rule WHERE merchant IS NOT NULL OR payee IS NOT NULL"


def upgrade() -> None:
    """Enter the rules."""
    bind = op.get_bind()
    insert = INSERT.format(effective_from=EFFECTIVE_FROM, made_by=MADE_BY)
    for merchant, category, reason in MERCHANTS:
        bind.exec_driver_sql(insert, (merchant, None, category, reason))
    for payee, category, reason in (*REGISTERED, *PAYEES):
        bind.exec_driver_sql(insert, (None, payee, category, reason))


def downgrade() -> None:
    """Take every rule for names out again, the council's own too; rules are append-only to everybody else."""
    bind = op.get_bind()
    bind.exec_driver_sql("ALTER TABLE category_rule DISABLE TRIGGER append_only")
    bind.exec_driver_sql(DELETE)
    bind.exec_driver_sql("ALTER TABLE category_rule ENABLE TRIGGER append_only")
