"""What every table shares: the metadata with its naming convention, column kinds, and the grants that the database
holds.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, DateTime, Enum, MetaData, Text, Uuid
from sqlalchemy.orm import DeclarativeBase, mapped_column

from services.shared.vocabulary.records import Service

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

EVERY_SERVICE: tuple[Service, ...] = tuple(Service)

Identifier = Annotated[UUID, mapped_column(Uuid, primary_key=True, default=uuid4)]
Pence = Annotated[int, mapped_column(BigInteger)]
At = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Code = Annotated[str, mapped_column(Text)]


class Table(DeclarativeBase):
    """The base of every mapped table."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {datetime: DateTime(timezone=True), str: Text, int: BigInteger, UUID: Uuid}


def choice(values: type[StrEnum]) -> Enum:
    """Return a text column type whose CHECK admits the enumeration's values and nothing else."""
    return Enum(
        values,
        native_enum=False,
        create_constraint=True,
        length=40,
        name=_snake(values.__name__),
        values_callable=lambda members: [member.value for member in members],
    )


def held_by(
    *writers: Service,
    readers: Sequence[Service] = EVERY_SERVICE,
    emptied_by: Sequence[Service] = (),
    append_only: bool = False,
    amends: bool = True,
    deletes: bool = False,
) -> dict[str, Any]:
    """Return the table's `info`: who writes and reads it, and who empties what a trigger fills; whether rows are only
    ever added (`append_only`, held by triggers too), and whether writers may amend and delete them.

    The grants test compares this with what the database really grants.
    """
    return {
        "writers": writers,
        "readers": tuple(readers),
        "emptied_by": tuple(emptied_by),
        "append_only": append_only,
        "amends": amends and not append_only,
        "deletes": deletes,
    }


def grants(info: dict[str, Any], service: Service) -> frozenset[str]:
    """Return the privileges that `service` must hold on a table with this `info`, no more and no fewer."""
    held: set[str] = set()
    if service in (*info["readers"], *info["writers"], *info["emptied_by"]):
        held.add("SELECT")
    if service in info["writers"]:
        held.add("INSERT")
        if info["amends"]:
            held.add("UPDATE")
        if info["deletes"]:
            held.add("DELETE")
    if service in info["emptied_by"]:
        held.add("DELETE")
    return frozenset(held)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
