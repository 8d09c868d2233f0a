"""The words of the records that every service keeps."""

from enum import StrEnum


class Service(StrEnum):
    """The three services; each has one database role and writes its own tables."""

    DP_API = "dp_api"
    CARD_INGEST = "card_ingest"
    CLAWBACK = "clawback"


class AuditBook(StrEnum):
    """The two sealed books: what was done, and who was shown whom."""

    ACTS = "acts"
    READS = "reads"
