"""The first spend categories and the first rules by which a transaction gets one; and how a batch draws its number.

The rules are a starting policy that the council changes by adding later ones. Merchant category codes (MCC) are those
of ISO 18245; the four expenditure headings are those of the Direct Payments Development Plan 2018-2023, s.3, and the
categories those of the survey in its s.11. What the schemes of direct payment cards usually block (betting, bars,
off-licences, tobacco, dating, pawn) has no rule on purpose: it stays uncategorised and is seen.
"""

from collections.abc import Iterator

from alembic import context, op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# From the day on which the Care Act 2014 came into force, so that every transaction has a day on which rules hold.
EFFECTIVE_FROM = "2015-04-01"
MADE_BY = "machine:migration"
REASON = "the starting policy"

CATEGORIES = (
    ("personal_assistant", "social_care_providers", "Wages of a personal assistant"),
    ("home_care", "social_care_providers", "Care at home from an agency or a nurse"),
    ("respite", "social_care_providers", "A break for the person or their carer"),
    ("day_care", "social_care_providers", "Day services and other social care organisations"),
    ("supported_living", "social_care_providers", "Support in supported living"),
    ("aids_and_adaptations", "high_street_retailers", "Equipment, aids and changes to the home"),
    ("travel", "leisure", "Getting about: taxis, buses, trains, fuel, parking"),
    ("domestic", "social_care_providers", "Cleaning, laundry, gardening and repairs in the home"),
    ("insurance", "social_care_providers", "Insurance, such as employer's liability"),
    ("social_activities", "leisure", "Meals out, groups, courses and places of worship"),
    ("leisure", "leisure", "Gyms, cinema, sport and health centres"),
    ("tourism", "tourist_sites", "Days out, attractions, journeys and stays"),
    ("retail_household", "high_street_retailers", "Shops, supermarkets and household bills"),
    ("hmrc_tax", "social_care_providers", "Tax and national insurance paid to HMRC"),
    ("pension", "social_care_providers", "Pension contributions for a personal assistant"),
    ("payroll_or_support_fee", "social_care_providers", "Payroll, accountancy and support services"),
    ("money_manager_fee", "social_care_providers", "The fee of a money manager"),
    ("cash", "not_spend", "Cash and what is as good as cash"),
    ("card_fee", "not_spend", "Charges of the card or account"),
    ("council_load", "not_spend", "Money that the council paid in"),
    ("client_contribution", "not_spend", "Money that the person paid in as their contribution"),
    ("council_recovery", "not_spend", "Money that went back to the council"),
    ("refund", "not_spend", "Money that came back from a seller whose kind is not known"),
    ("uncategorised", "not_spend", "Not categorised yet"),
)

BY_TYPE = {
    "load": "council_load",
    "contribution_in": "client_contribution",
    "atm_withdrawal": "cash",
    "cashback": "cash",
    "quasi_cash": "cash",
    "fee": "card_fee",
    "unload": "council_recovery",
}

BY_MCC = {
    "home_care": "7361 8050",
    "day_care": "8351 8398",
    "aids_and_adaptations": "5047 5975 5976 8042-8044",
    "travel": "3351-3500 4111 4112 4119 4121 4131 4784 4789 5541 5542 5552 7512 7523 8675",
    "domestic": "0780 1711 1731 1740 1750 1761 1771 1799 7210 7211 7216 7217 7342 7349 7623 7629 7641 7699",
    "insurance": "5960 6300 6381 6399",
    "social_activities": "5811 5812 5814 7911 8211 8220 8241 8244 8249 8299 8641 8661 8699",
    "leisure": "5815-5818 7298 7832 7841 7922 7929 7932 7933 7941 7992-7994 7997 7999 8011 8021 8031 8041 8049 8062"
    " 8071 8099",
    "tourism": "3000-3350 3501-3999 4411 4511 4582 4722 4723 7011 7012 7032 7033 7991 7996 7998",
    "retail_household": "4812-4816 4899 4900 5045 5111 5192 5200 5211 5231 5251 5261 5262 5300 5309-5311 5331 5399 5411"
    " 5422 5441 5451 5462 5499 5531-5533 5611 5621 5631 5641 5651 5655 5661 5681 5691 5697-5699 5712-5714 5718 5719"
    " 5722 5732-5735 5912 5931 5932 5940-5943 5945-5950 5961 5963-5970 5973 5977 5978 5983 5992 5994-5999 7230 7251"
    " 7296 7299 7394 7395 7622 9402",
    "hmrc_tax": "9311",
    "payroll_or_support_fee": "7276 8931",
    "cash": "4829 6010 6011 6050 6051 6540",
}


def upgrade() -> None:
    """Enter the categories and rules, and let the feed's service draw batch numbers."""
    bind = op.get_bind()
    for code, heading, description in CATEGORIES:
        bind.exec_driver_sql(
            "INSERT INTO category (code, heading, description) VALUES ($1, $2, $3)", (code, heading, description)
        )
    values: list[tuple[str | None, str | None, str]]
    values = [(mcc, None, category) for category, codes in BY_MCC.items() for mcc in each_code(codes)]
    values += [(None, kind, category) for kind, category in BY_TYPE.items()]
    rows = ", ".join(
        f"({quoted(mcc)}, {quoted(kind)}, '{category}', '{EFFECTIVE_FROM}', '{MADE_BY}', '{REASON}')"
        for mcc, kind, category in values
    )
    columns = "mcc, type, category, effective_from, made_by, reason"
    bind.exec_driver_sql(f"INSERT INTO category_rule ({columns}) VALUES {rows}")  # noqa: S608 (all of it stands above)
    bind.exec_driver_sql(f"GRANT USAGE ON SEQUENCE feed_batch_number_seq TO {ingest_role()}")


def downgrade() -> None:
    """Take the categories and rules out again; rules are append-only to everybody else."""
    bind = op.get_bind()
    bind.exec_driver_sql(f"REVOKE ALL ON SEQUENCE feed_batch_number_seq FROM {ingest_role()}")
    bind.exec_driver_sql("ALTER TABLE category_rule DISABLE TRIGGER append_only")
    bind.exec_driver_sql("DELETE FROM category_rule")
    bind.exec_driver_sql("ALTER TABLE category_rule ENABLE TRIGGER append_only")
    bind.exec_driver_sql("DELETE FROM category")


def each_code(codes: str) -> Iterator[str]:
    """Yield every code of a list in which `3000-3350` stands for all between."""
    for part in codes.split():
        first, _, last = part.partition("-")
        yield from (f"{code:04d}" for code in range(int(first), int(last or first) + 1))


def quoted(text: str | None) -> str:
    """Return a constant of this file as SQL."""
    return "NULL" if text is None else f"'{text}'"


def ingest_role() -> str:
    """Return the role of the card feed's service."""
    return f"{context.config.attributes['schema']}_card_ingest"
