"""Which names a council's schema may have."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

_RESERVED_WORDS: Final = """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
    column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
    from full grant group having ilike in information_schema initially inner intersect into is isnull join lateral
    leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps
    placing primary public references returning right select session_user similar some symmetric system_user table
    tablesample then to trailing true union unique user using variadic verbose when where window with
"""
RESERVED: Final = frozenset(_RESERVED_WORDS.split())
"""Names that no council's schema can have: PostgreSQL's reserved words, and the schemas that are there already."""


def _unreserved(name: str) -> str:
    if name in RESERVED or name.startswith("pg_"):
        raise ValueError("this name belongs to PostgreSQL")
    return name


SchemaName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$"), AfterValidator(_unreserved)]
