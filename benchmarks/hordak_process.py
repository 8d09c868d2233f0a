"""django-hordak in a process of its own: it makes its schema, then books a batch for each line it is told, and says how
fast that was.

It has its own process since Django is configured once for a whole one; `peers` starts it and knows where hordak is.
"""

import sys
from decimal import Decimal
from random import Random
from time import perf_counter

import django
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import transaction

from benchmarks.hordak_rows import ROWS

ACCOUNTS = 301


def main() -> None:
    """Take database, user, host and port; answer each line of standard input with transactions a second."""
    database, user, host, port = sys.argv[1:]
    _configure(database=database, user=user, host=host, port=port)
    call_command("migrate", verbosity=0, interactive=False)
    accounts = _accounts()
    print("ready", flush=True)
    for number, _ in enumerate(sys.stdin):
        started = perf_counter()
        _book(accounts, Random(number))
        print(ROWS / (perf_counter() - started), flush=True)


def _configure(*, database: str, user: str, host: str, port: str) -> None:
    address = {"NAME": database, "USER": user, "HOST": host, "PORT": port}
    django_settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **address}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "djmoney",
            "mptt",
            "hordak",
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        HORDAK_INTERNAL_CURRENCY="GBP",
        DEFAULT_CURRENCY="GBP",
        HORDAK_CURRENCIES=["GBP"],
        CURRENCIES=["GBP"],
        USE_TZ=True,
    )
    django.setup()


def _accounts() -> list[object]:
    from hordak.models import Account, AccountType  # noqa: PLC0415 (its models exist once Django is set up)

    return [
        Account.objects.create(name=f"Account {number}", type=AccountType.asset, currencies=["GBP"])
        for number in range(ACCOUNTS)
    ]


def _book(accounts: list[object], random: Random) -> None:
    """Book a batch of transfers of two legs each, in one database transaction, the fastest way that hordak offers."""
    from hordak.models import Leg, Transaction  # noqa: PLC0415

    bank = accounts[0]
    with transaction.atomic():
        made = Transaction.objects.bulk_create([Transaction(description="Weekly shopping") for _ in range(ROWS)])
        legs = []
        for each in made:
            pounds = Decimal(random.randint(100, 9_999)) / 100
            legs.append(Leg(transaction=each, account=accounts[random.randrange(1, ACCOUNTS)], credit=pounds))
            legs.append(Leg(transaction=each, account=bank, debit=pounds))
        Leg.objects.bulk_create(legs)


if __name__ == "__main__":
    main()
